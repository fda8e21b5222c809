"""TRL: one data set or a mixture, adapters, what is learned of a row, and the keys of trl dpo."""

from __future__ import annotations

from pathlib import Path

import pytest

HEAD = "model_name_or_path: org/m\n"


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        (
            "dataset_config: en\ndataset_train_split: small",
            {"data.sources.0.subset": "en", "data.sources.0.split": "small"},
        ),
        (
            "dataset_test_split: test",
            {"data.sources.1.hub": "org/d", "data.sources.1.part": "test", "data.split.test": 0.0},
        ),
        ("dataset_test_split: validation", {"data.sources.1.part": "valid", "data.split.valid": 0.0}),
        ("dataset_test_split: test\ndataset_config: en", {"data.sources.1.subset": "en"}),
        ("dataset_text_field: body", {"data.format": "text", "data.columns.text": "body", "train.loss_on": "all"}),
        ("completion_only_loss: true", {"train.loss_on": "completion"}),
        ("completion_only_loss: false", {"train.loss_on": "all"}),
        ("assistant_only_loss: true", {"train.loss_on": "completion"}),
        ("completion_only_loss: true\nassistant_only_loss: false", {"train.loss_on": "completion"}),
        ("use_peft: true", {"adapter.type": "lora", "adapter.r": 16, "adapter.alpha": 32, "adapter.dropout": 0.05}),
        (
            "use_peft: true\nlora_r: 4\nlora_target_modules: [q, v]",
            {"adapter.r": 4, "adapter.target_modules": ["q", "v"]},
        ),
        ("use_peft: true\nlora_target_modules: [all-linear]", {"adapter.target_modules": "all-linear"}),
        ("lora_r: 4", {"adapter.type": "full", "adapter.r": None}),
        ("packing: true\npacking_strategy: bfd", {"train.packing": True}),
        ("fsdp: full_shard auto_wrap", {"train.parallel": "fsdp2"}),
        ("fsdp: ''", {"train.parallel": None}),
        ("train_sampling_strategy: group_by_length", {"train.group_by_length": True}),
        ("test_split_size: 0.2", {"data.split.valid": 0.2}),
        ("activation_checkpointing: false", {"train.gradient_checkpointing": False}),
        ("dtype: bfloat16\nenv: {A: b}\nconfig: x.yaml", {"train.precision": "bf16"}),
    ],
)
def test_keys_with_a_like_here_are_carried_over(convert, text, recipe):
    found = convert("trl", f"{text}\n")
    assert found.refused == {}
    assert {key: found.get(key) for key in recipe} == recipe


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("beta: 0.1", "beta"), ("loss_type: dft", "loss_type"), ("load_in_4bit: true", "load_in_4bit"),
        ("use_dora: true", "use_dora"), ("chat_template_path: a.jinja", "chat_template_path"),
        ("eos_token: x", "eos_token"),
        ("max_length: null", "max_length"), ("truncation_mode: keep_end", "truncation_mode"),
        ("packing_strategy: wrapped", "packing_strategy"), ("lora_task_type: SEQ_CLS", "lora_task_type"),
        ("model_init_kwargs: {a: 1}", "model_init_kwargs"), ("label_smoothing_factor: 0.1", "label_smoothing_factor"),
        ("datasets: org/a", "datasets"), ("train_sampling_strategy: sequential", "train_sampling_strategy"),
    ],
)  # fmt: skip
def test_keys_that_change_the_training_are_refused(convert, text, key):
    assert set(convert("trl", f"{text}\n").refused) == {key}


@pytest.mark.parametrize(
    "text",
    [
        "model_init_kwargs: '{}'", "gradient_checkpointing_kwargs: '{\"use_reentrant\": false}'", "load_in_4bit: false",
        "loss_type: nll", "label_smoothing_factor: 0.0", "lora_task_type: CAUSAL_LM", "optim_args: ''",
    ],
)  # fmt: skip
def test_keys_that_ask_for_nothing_else_are_ignored(convert, text):
    found = convert("trl", f"{text}\n")
    assert (found.refused, set(found.ignored)) == ({}, {text.partition(":")[0]})


def test_a_mixture_is_a_list_of_sources(convert):
    text = (
        f"{HEAD}datasets:\n  - {{path: org/a, split: small}}\n  - {{path: org/b, name: en, columns: [messages]}}\n"
        "  - {path: rows.jsonl}\n  - {path: org/c, fraction: 1.0}\n"
    )
    found = convert("trl", text, alone=True)
    assert found.refused == {}
    assert found["data.sources"] == [
        {"hub": "org/a", "split": "small"},
        {"hub": "org/b", "split": "train", "subset": "en"},
        {"path": "rows.jsonl"},
        {"hub": "org/c", "split": "train"},
    ]
    assert found["data.format"] == "messages"


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("{path: org/a, fraction: 0.5}", "datasets.0.fraction"),
        ("{path: org/a, data_dir: x}", "datasets.0.data_dir"),
        ("{path: org/a, data_files: x}", "datasets.0.data_files"),
        ("{path: gs://x}", "datasets.0.path"),
        ("{name: en}", "datasets.0"),
        ("org/a", "datasets.0"),
        ("{path: org/a, fractoin: 1}", "datasets.0.fractoin"),
    ],
)
def test_a_mixture_that_can_not_be_read_so_is_refused_at_its_key(convert, entry, key):
    assert set(convert("trl", f"{HEAD}datasets:\n  - {entry}\n", alone=True).refused) == {key}


def test_where_the_format_is_not_said_a_person_is_told_to_look(convert):
    found = convert("trl", "")
    assert "name it in data.format" in found.found.notes[0]
    assert "# CHECK: TRL tells by the columns" in found.found.text
    assert convert("trl", "dataset_text_field: body\n").found.notes == ()


def test_trl_dpo_as_far_as_it_goes_learns_the_chosen_answers(convert):
    found = convert("trl", "beta: 0.1\n")
    assert (found["data.format"], found["data.columns.completion"]) == ("prompt_completion", "chosen")
    assert found["train.learning_rate"] == 1e-6
    assert "rejected ones are not compared" in found.found.text


def test_a_folder_here_gives_the_file_that_is_named_after_the_split(convert):
    Path("folder").mkdir()
    Path("folder/train.jsonl").write_text("", encoding="utf-8")
    Path("folder/dev.csv").write_text("", encoding="utf-8")
    text = f"{HEAD}dataset_name: folder\ndataset_train_split: train\ndataset_test_split: dev\n"
    found = convert("trl", text, alone=True)
    assert found.refused == {}
    assert found["data.sources"] == [{"path": "folder/train.jsonl"}, {"path": "folder/dev.csv", "part": "valid"}]
    found = convert("trl", text.replace("dev", "test"), alone=True)
    assert "no file that is named after the split 'test'" in found.refused["dataset_test_split"]
