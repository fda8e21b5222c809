"""LLaMA-Factory: stages, adapters, templates, and data sets by the names of a dataset_info.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


@pytest.fixture
def described(convert):
    """Return a function: entries of dataset_info.json, more lines → outcome; its folder is data beside the file."""

    def described(sets: dict, text: str = "", dataset: str = "a", stage: str = "sft"):
        Path("data").mkdir(exist_ok=True)
        Path("data/dataset_info.json").write_text(json.dumps(sets), encoding="utf-8")
        head = f"model_name_or_path: org/m\nstage: {stage}\ndataset: {dataset}\n"
        return convert("llama-factory", head + text, alone=True)

    return described


@pytest.mark.parametrize(
    ("entry", "recipe"),
    [
        ({"file_name": "a.json"}, {"data.sources.0.path": "data/a.json", "data.format": "alpaca"}),
        (
            {"hf_hub_url": "org/a", "subset": "en", "revision": "v1"},
            {
                "data.sources.0.hub": "org/a",
                "data.sources.0.subset": "en",
                "data.sources.0.revision": "v1",
                "data.sources.0.split": "train",
            },
        ),
        (
            {"file_name": "a.json", "columns": {"prompt": "q", "response": "r"}},
            {"data.columns.instruction": "q", "data.columns.output": "r"},
        ),
        ({"file_name": "a.json", "formatting": "sharegpt"}, {"data.format": "sharegpt"}),
        (
            {"file_name": "a.json", "formatting": "sharegpt", "columns": {"messages": "talk"}},
            {"data.format": "sharegpt", "data.columns.conversations": "talk"},
        ),
        ({"file_name": "a.json", "formatting": "sharegpt", "tags": TAGS}, {"data.format": "messages"}),
        (
            {"file_name": "a.json", "formatting": "sharegpt", "columns": {"messages": "chat"}, "tags": TAGS},
            {"data.format": "messages", "data.columns.messages": "chat"},
        ),
    ],
)
def test_a_described_data_set_becomes_a_source(described, entry, recipe):
    found = described({"a": entry})
    assert found.refused == {}
    assert {key: found.get(key) for key in recipe} == recipe


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"ms_hub_url": "org/a"}, "neither a file nor a data set of the Hugging Face hub"),
        ({"script_url": "loader"}, "is loaded by a script"),
        ({"file_name": "https://x/y.json"}, "is an address"),
        ({"file_name": "a.json", "num_samples": 5}, "takes a number of its rows only"),
        ({"file_name": "a.json", "columns": {"history": "h"}}, "does not read: history"),
        ({"file_name": "a.json", "columns": {"images": "i"}}, "does not read: images"),
        ({"file_name": "a.json", "formatting": "parrot"}, "has the format 'parrot'"),
        ({"file_name": "a.json", "formatting": "sharegpt", "tags": {"user_tag": "asker"}}, "roles of a conversation"),
        ({"file_name": "a.json", "ranking": True}, "which this stage does not compare"),
        ("a.json", "is not in data/dataset_info.json"),
    ],
)
def test_a_data_set_that_can_not_be_read_is_refused_by_name_and_reason(described, entry, told):
    found = described({"a": entry})
    assert "the data set 'a'" in found.refused["dataset"]
    assert told in found.refused["dataset"]
    assert found["data.sources.0.path"] == "rows.jsonl"
    assert "TO DO" in found.found.text


def test_a_name_that_is_misspelt_is_answered_with_the_nearest(described):
    found = described({"ferry_faq": {"file_name": "a.json"}}, dataset="fery_faq")
    assert "Did you mean 'ferry_faq'?" in found.refused["dataset"]


def test_of_several_data_sets_those_that_can_be_read_are_kept(described):
    sets = {"a": {"file_name": "a.json"}, "b": {"script_url": "x"}, "c": {"file_name": "c.json"}}
    found = described(sets, dataset="a, b, c")
    assert "'b'" in found.refused["dataset"]
    assert [source["path"] for source in found["data.sources"]] == ["data/a.json", "data/c.json"]


def test_rows_of_two_shapes_are_no_one_recipe(described):
    sets = {"a": {"file_name": "a.json"}, "b": {"file_name": "b.json", "formatting": "sharegpt"}}
    assert "format sharegpt, those before it alpaca" in described(sets, dataset="a,b").refused["dataset"]
    sets = {
        "a": {"file_name": "a.json"},
        "b": {"file_name": "b.json", "columns": {"prompt": "q", "response": "output"}},
    }
    assert "its instruction in 'q'" in described(sets, dataset="a,b").refused["dataset"]
    sets["b"]["columns"] = {"prompt": "instruction", "response": "output"}
    assert described(sets, dataset="a,b").refused == {}


def test_data_sets_for_validation_are_the_part_valid(described):
    sets = {"a": {"file_name": "a.json"}, "b": {"file_name": "b.json"}}
    found = described(sets, "eval_dataset: b\n")
    assert found["data.sources"] == [{"path": "data/a.json"}, {"path": "data/b.json", "part": "valid"}]
    assert (found["data.split.valid"], found["data.split.test"], found["data.split.train"]) == (0.0, 0.1, 0.9)


def test_the_first_rows_of_one_data_set_are_a_limit_and_of_several_are_not(described):
    sets = {"a": {"file_name": "a.json"}, "b": {"file_name": "b.json"}}
    assert described(sets, "max_samples: 100\n")["data.limit"] == 100
    assert "of each of 2 data sets" in described(sets, "max_samples: 100\n", dataset="a,b").refused["max_samples"]


@pytest.mark.parametrize("content", [None, "", "[1]", "{", "[" * 50_000])
def test_without_a_description_no_data_set_is_guessed(convert, content):
    Path("dataset_info.json").unlink()
    if content is not None:
        Path("dataset_info.json").write_text(content, encoding="utf-8")
    found = convert("llama-factory", "")
    assert "is described nowhere" in found.refused["dataset"]


def test_names_of_the_hub_need_no_description(convert):
    found = convert("llama-factory", "dataset_dir: ONLINE\n")
    assert found["data.sources.0.hub"] == "one"
    assert found.refused == {}


def test_plain_text_is_learned_whole_and_packed(described):
    found = described({"a": {"file_name": "a.json", "columns": {"prompt": "body"}}}, stage="pt")
    assert (found["data.format"], found["data.columns.text"]) == ("text", "body")
    assert (found["train.loss_on"], found["train.packing"]) == ("all", True)


@pytest.mark.parametrize("stage", ["dpo", "rm", "ppo", "kto"])
def test_stages_that_compare_are_refused(convert, stage):
    found = convert("llama-factory", f"model_name_or_path: org/m\nstage: {stage}\ndataset: one\n", alone=True)
    assert f"'{stage}' is not there yet" in found.refused["stage"]


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("", {"adapter.type": "lora", "adapter.r": 8, "adapter.alpha": 16, "adapter.target_modules": "all-linear"}),
        ("lora_rank: 4", {"adapter.r": 4, "adapter.alpha": 8}),
        ("lora_rank: 4\nlora_alpha: 5", {"adapter.r": 4, "adapter.alpha": 5}),
        ("lora_target: q_proj,v_proj", {"adapter.target_modules": ["q_proj", "v_proj"]}),
        ("lora_target: all", {"adapter.target_modules": "all-linear"}),
        ("finetuning_type: full", {"adapter.type": "full", "export": ["merged"]}),
        ("train_on_prompt: true", {"train.loss_on": "all"}),
        ("disable_gradient_checkpointing: true", {"train.gradient_checkpointing": False}),
        ("packing: true", {"train.packing": True}),
        ("neat_packing: true\npacking: true", {"train.packing": True}),
        ("neat_packing: false\npacking: true", {"train.packing": True}),
        ("add_special_tokens: <a>,<b>", {"model.special_tokens": ["<a>", "<b>"]}),
        ("val_size: 0.2", {"data.split.valid": 0.2, "data.split.train": 0.7}),
        ("run_name: My run", {"title": "My run"}),
    ],
)
def test_keys_with_a_like_here_are_carried_over(convert, text, recipe):
    found = convert("llama-factory", f"{text}\n")
    assert found.refused == {}
    assert {key: found.get(key) for key in recipe} == recipe


@pytest.mark.parametrize(
    "text",
    [
        "finetuning_type: freeze", "quantization_bit: 4", "use_dora: true", "adapter_name_or_path: saves/x",
        "template: alpaca", "mix_strategy: interleave_over", "add_tokens: a,b", "mask_history: true",
        "rope_scaling: linear", "use_muon: true", "early_stopping_steps: 3", "lora_dropout: some",
    ],
)  # fmt: skip
def test_keys_that_change_the_training_are_refused(convert, text):
    assert set(convert("llama-factory", f"{text}\n").refused) == {text.partition(":")[0]}


def test_a_number_of_rows_for_validation_is_told_and_stops_nothing(convert):
    found = convert("llama-factory", "val_size: 500\n")
    assert "a number of rows" in found.minor["val_size"]
    assert found["data.split.valid"] == 0.1


def test_a_token_in_the_file_goes_nowhere(convert):
    found = convert("llama-factory", "hub_token: hf_secret\nhf_hub_token: hf_secret\nswanlab_api_key: hf_secret\n")
    assert "hf_secret" not in repr(found.found)
    assert len(found.ignored) == 3
