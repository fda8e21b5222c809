"""Axolotl: types of data sets, columns by `field_…`, adapters, trackers."""

from __future__ import annotations

import pytest

HEAD = "base_model: org/m\nlearning_rate: 1e-4\n"


def sets(convert, *entries: str, more: str = ""):
    listed = "".join(f"  - {entry}\n" for entry in entries)
    return convert("axolotl", f"{HEAD}datasets:\n{listed}{more}", alone=True)


@pytest.mark.parametrize(
    ("entry", "recipe"),
    [
        (
            "{path: org/a, type: alpaca}",
            {"data.format": "alpaca", "data.sources.0.hub": "org/a", "data.sources.0.split": "train"},
        ),
        (
            "{path: org/a, type: alpaca, split: tiny, name: en, revision: v1}",
            {"data.sources.0.split": "tiny", "data.sources.0.subset": "en", "data.sources.0.revision": "v1"},
        ),
        ("{path: a.jsonl, type: completion, field: body}", {"data.format": "text", "data.columns.text": "body"}),
        ("{path: a.jsonl, type: completion}", {"data.format": "text", "train.loss_on": "all"}),
        ("{path: a.jsonl, type: chat_template}", {"data.format": "messages", "train.loss_on": "completion"}),
        (
            "{path: a.jsonl, type: chat_template, field_messages: talk, field_tools: functions}",
            {"data.columns.messages": "talk", "data.columns.tools": "functions"},
        ),
        (
            "{path: a.jsonl, type: chat_template, message_property_mappings: {role: from, content: value}}",
            {"data.format": "sharegpt", "data.columns.conversations": "messages"},
        ),
        ("{path: a.jsonl, type: sharegpt}", {"data.format": "sharegpt"}),
        (
            "{path: a.jsonl, type: chat_template, message_field_role: from, message_field_content: value}",
            {"data.format": "sharegpt"},
        ),
        (
            "{path: a.jsonl, type: {field_instruction: q, field_input: i, field_output: a, field_system: s}}",
            {
                "data.format": "alpaca",
                "data.columns.instruction": "q",
                "data.columns.input": "i",
                "data.columns.output": "a",
                "data.columns.system": "s",
            },
        ),
        ("{path: json, data_files: b/a.jsonl, type: alpaca}", {"data.sources.0.path": "b/a.jsonl"}),
        ("{path: json, data_files: [b/a.jsonl], type: alpaca}", {"data.sources.0.path": "b/a.jsonl"}),
    ],
)
def test_a_data_set_becomes_a_source_of_the_format_of_its_type(convert, entry, recipe):
    found = sets(convert, entry)
    assert found.refused == {}
    assert {key: found.get(key) for key in recipe} == recipe


@pytest.mark.parametrize(
    ("entry", "key", "told"),
    [
        ("{path: a.jsonl}", "datasets.0", "how its rows are read is not said"),
        ("{type: alpaca}", "datasets.0", "names no path"),
        ("just text", "datasets.0", "must be a block of keys"),
        ("{path: a.jsonl, type: input_output}", "datasets.0.type", "'input_output'"),
        ("{path: a.jsonl, type: {field_output: a}}", "datasets.0.type", "must name field_instruction"),
        (
            "{path: a.jsonl, type: {field_instruction: q, field_output: a, format: 'Q: {instruction}'}}",
            "datasets.0.type.format",
            "in one way for each format",
        ),
        ("{path: s3://b/a.jsonl, type: alpaca}", "datasets.0.path", "is an address"),
        ("{path: org/a, type: alpaca, split: 'train[:5%]'}", "datasets.0.split", "takes a piece of a split"),
        ("{path: a.jsonl, type: alpaca, split: test}", "datasets.0.split", "can't be found"),
        ("{path: org/a, data_files: [a, b], type: alpaca}", "datasets.0.data_files", "name one file"),
        ("{path: a.jsonl, type: chat_template, roles_to_train: [user]}", "datasets.0.roles_to_train", "assistant"),
        (
            "{path: a.jsonl, type: chat_template, message_property_mappings: {role: who, content: what}}",
            "datasets.0.type",
            "in its own way",
        ),
        ("{path: a.jsonl, type: alpaca, shards: 4}", "datasets.0.shards", "whole"),
        ("{path: a.jsonl, typ: alpaca, type: alpaca}", "datasets.0.typ", "Did you mean 'type'?"),
    ],
)
def test_a_data_set_that_can_not_be_read_so_is_refused_at_its_key(convert, entry, key, told):
    found = sets(convert, entry)
    assert told in found.refused[key]


def test_the_keys_of_a_data_set_that_is_left_out_are_left_out_with_it(convert):
    found = sets(convert, "{path: org/a, type: alpaca}", "{path: org/b, type: input_output, split: train}")
    assert set(found.refused) == {"datasets.1.type"}
    assert set(found.minor) == {"datasets.1.path", "datasets.1.split"}
    assert [source["hub"] for source in found["data.sources"]] == ["org/a"]


def test_data_sets_for_testing_are_the_part_valid(convert):
    found = sets(
        convert, "{path: org/a, type: alpaca}", more="test_datasets: [{path: org/a, type: alpaca, split: dev}]\n"
    )
    assert found["data.sources.1.part"] == "valid"
    assert found["data.sources.1.split"] == "dev"
    assert (found["data.split.valid"], found["data.split.train"]) == (0.0, 0.9)


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("", {"adapter.type": "full", "export": ["merged"]}),
        (
            "adapter: lora",
            {"adapter.type": "lora", "adapter.r": 8, "adapter.alpha": 8, "export": ["adapter", "merged"]},
        ),
        ("adapter: lora\nlora_target_linear: true\nlora_target_modules: [q]", {"adapter.target_modules": "all-linear"}),
        ("adapter: lora\nlora_target_linear: false\nlora_target_modules: [q]", {"adapter.target_modules": ["q"]}),
        ("sample_packing: true", {"train.packing": True}),
        ("train_on_inputs: true", {"train.loss_on": "all"}),
        ("dataset_exact_deduplication: false", {"data.clean.deduplicate": "none"}),
        ("fsdp: [full_shard]", {"train.parallel": "fsdp2"}),
        ("ddp: true", {"train.parallel": "ddp"}),
        ("use_wandb: true\nwandb_project: x\nuse_mlflow: true", {"train.report_to": ["wandb", "mlflow"]}),
        ("early_stopping_patience: 2", {"train.early_stopping_patience": 2}),
        ("gradient_checkpointing: offload", {"train.gradient_checkpointing": True}),
        ("special_tokens: {additional_special_tokens: [<a>], pad_token: <p>}", {"model.special_tokens": ["<a>"]}),
        ("evals_per_epoch: 1", {"train.eval_every": None}),
        ("num_epochs: 2.5", {"train.num_train_epochs": 2.5}),
        ("revision_of_model: v2", {"model.revision": "v2"}),
    ],
)
def test_keys_with_a_like_here_are_carried_over(convert, text, recipe):
    found = convert("axolotl", f"{text}\n")
    assert found.refused == {}
    assert {key: found.get(key) for key in recipe} == recipe


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("adapter: qlora", "adapter"), ("load_in_8bit: true", "load_in_8bit"), ("rl: orpo", "rl"),
        ("adapter: llama-adapter", "adapter"), ("chat_template: chatml", "chat_template"), ("tokens: [x]", "tokens"),
        ("special_tokens: {eos_token: x}", "special_tokens.eos_token"), ("lr_scheduler: rex", "lr_scheduler"),
        ("plugins: [a.b.C]", "plugins"), ("batch_size: 64", "batch_size"), ("adam_beta2: 0.95", "adam_beta2"),
        ("unfrozen_parameters: [a]", "unfrozen_parameters"), ("model_config: {a: 1}", "model_config"),
    ],
)  # fmt: skip
def test_keys_that_change_the_training_are_refused(convert, text, key):
    assert set(convert("axolotl", f"{text}\n").refused) == {key}


@pytest.mark.parametrize(
    "text",
    [
        "adam_beta2: 0.999", "load_in_8bit: false", "plugins: []", "special_tokens:", "special_tokens: {}",
        "wandb_project: ''", "use_wandb: false\nwandb_project: x", "chat_template: tokenizer_default",
        "lora_r: 16", "unfrozen_parameters: []", "deepspeed: zero3.json", "excess_length_strategy: truncate",
    ],
)  # fmt: skip
def test_keys_that_ask_for_nothing_else_are_ignored(convert, text):
    found = convert("axolotl", f"{text}\n")
    assert found.refused == {}
    assert text.partition(":")[0] in {key.partition(".")[0] for key in found.ignored}
    assert found.get("train.report_to") is None


def test_a_file_without_data_or_model_says_what_it_lacks(convert):
    found = convert("axolotl", "learning_rate: 1e-4\n", alone=True)
    assert found.found.lacks == ("it names no base model", "it names no data that Engram can read")
    assert found.found.text.count("TO DO:") == 2
