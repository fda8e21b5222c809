"""AutoTrain: tasks, columns, splits, and what it does when a key is left out."""

from __future__ import annotations

from pathlib import Path

import pytest


def config(convert, task: str, data: str = "", params: str = "", more: str = ""):
    text = (
        f"task: {task}\nbase_model: org/m\nproject_name: My Project\n{more}"
        f"data:\n  path: org/d\n  train_split: train\n{data}params:\n  lr: 1e-4\n{params}"
    )
    return convert("autotrain", text, alone=True)


@pytest.mark.parametrize(
    ("task", "ours", "fmt", "roles"),
    [
        ("text_classification", "classify", "label", {"text": "text", "label": "target"}),
        ("text-binary-classification", "classify", "label", {"text": "text", "label": "target"}),
        ("token_classification", "tag", "tags", {}),
        ("seq2seq", "generate", "prompt_completion", {"prompt": "text", "completion": "target"}),
        ("llm-sft", "generate", "text", {}),
        ("llm", "generate", "text", {}),
    ],
)
def test_a_task_is_one_of_ours_with_the_columns_that_it_has_by_default(convert, task, ours, fmt, roles):
    found = config(convert, task)
    assert found.refused == {}
    assert (found["task"], found["data.format"], found["name"]) == (ours, fmt, "my-project")
    assert {key: value for key, value in found.recipe.items() if key.startswith("data.columns.")} == {
        f"data.columns.{role}": column for role, column in roles.items()
    }


def test_named_columns_are_carried_over(convert):
    mapping = "  column_mapping: {text_column: body, target_column: kind}\n"
    found = config(convert, "text_classification", mapping)
    assert (found["data.columns.text"], found["data.columns.label"]) == ("body", "kind")
    mapping = "  column_mapping: {tokens_column: words, tags_column: ner}\n"
    found = config(convert, "token_classification", mapping)
    assert (found["data.columns.tokens"], found["data.columns.tags"]) == ("words", "ner")
    found = config(convert, "llm-sft", "  chat_template: tokenizer\n  column_mapping: {text_column: chat}\n")
    assert (found["data.format"], found["data.columns.messages"]) == ("messages", "chat")


@pytest.mark.parametrize(
    "task", ["tabular", "image_classification", "vlm:vqa", "sentence-transformers:pair", "st:qa", "7"]
)
def test_other_tasks_leave_nothing_to_make_a_recipe_of(convert, task):
    found = config(convert, f"'{task}'")
    assert set(found.refused) == {"task"}
    assert found.found.final
    assert found.found.text is None
    assert "goes with a task that is not there yet" in found.minor["data"]


@pytest.mark.parametrize("task", ["llm-dpo", "llm-orpo", "llm-reward"])
def test_learning_from_preferences_is_refused(convert, task):
    assert set(config(convert, task).refused) == {"task"}
    assert set(config(convert, "llm", params="  trainer: orpo\n").refused) == {"params.trainer"}


def test_a_split_for_validation_is_a_part_by_its_name(convert):
    found = config(convert, "seq2seq", "  valid_split: validation\n")
    assert found["data.sources"][1] == {"hub": "org/d", "split": "validation", "part": "valid"}
    found = config(convert, "seq2seq", "  valid_split: test\n")
    assert found["data.sources"][1] == {"hub": "org/d", "split": "test", "part": "test"}
    assert "takes a piece" in config(convert, "seq2seq", "  valid_split: 'train[:5%]'\n").refused["data.valid_split"]


def test_a_folder_here_gives_the_files_of_its_splits(convert):
    Path("rows").mkdir()
    for name in ("train.csv", "valid.csv"):
        Path("rows", name).write_text("", encoding="utf-8")
    text = "task: seq2seq\nbase_model: org/m\ndata: {path: rows/, train_split: train, valid_split: valid}\n"
    found = convert("autotrain", text, alone=True)
    assert found.refused == {}
    assert found["data.sources"] == [{"path": "rows/train.csv"}, {"path": "rows/valid.csv", "part": "valid"}]
    found = convert("autotrain", text.replace("rows/", "./gone/"), alone=True)
    assert "is not here" in found.refused["data.train_split"]


@pytest.mark.parametrize(
    ("params", "recipe"),
    [
        (
            "peft: true\n  quantization: none",
            {"adapter.type": "lora", "adapter.r": 16, "export": ["adapter", "merged"]},
        ),
        ("peft: true\n  quantization: none\n  lora_r: 4", {"adapter.r": 4}),
        ("peft: false\n  quantization: int4", {"adapter.type": "full"}),
        ("lora_r: 4", {"adapter.type": "full", "adapter.r": None, "export": ["merged"]}),
        ("block_size: 256\n  model_max_length: 999", {"train.max_seq_length": 256}),
        ("block_size: -1\n  model_max_length: 999", {"train.max_seq_length": 999}),
        ("mixed_precision: none", {"train.precision": "fp32"}),
        ("mixed_precision: fp16", {"train.precision": "fp16"}),
        ("scheduler: constant_with_warmup\n  warmup_ratio: 0.3", {"train.warmup_ratio": 0.3}),
        ("epochs: 2", {"train.num_train_epochs": 2.0}),
        ("gradient_accumulation: 2", {"train.gradient_accumulation_steps": 2}),
        ("", {"train.gradient_accumulation_steps": 4, "train.loss_on": "all", "train.gradient_checkpointing": True}),
        ("disable_gradient_checkpointing: true", {"train.gradient_checkpointing": False}),
    ],
)
def test_parameters_with_a_like_here_are_carried_over(convert, params, recipe):
    found = config(convert, "llm", params=f"  {params}\n" if params else "")
    assert found.refused == {}
    assert {key: found.get(key) for key in recipe} == recipe


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ("peft: true", "params.peft"),  # the base would be quantised to int4
        ("peft: true\n  quantization: int8", "params.quantization"),
        ("optimizer: adafactor", "params.optimizer"),
        ("mixed_precision: fp8", "params.mixed_precision"),
        ("batch_sise: 3", "params.batch_sise"),
        ("chat_template: chatml", "params.chat_template"),
    ],
)
def test_parameters_that_change_the_training_are_refused(convert, params, key):
    assert set(config(convert, "llm", params=f"  {params}\n").refused) == {key}


def test_blocks_that_are_none_are_refused_and_not_lost(convert):
    text = "task: llm\nbase_model: org/m\ndata: here\nparams: [1]\nhub: true\n"
    assert set(convert("autotrain", text, alone=True).refused) == {"data", "params", "hub"}
    found = convert("autotrain", "base_model: org/m\ndata: {path: org/d}\n", alone=True)
    assert found.found.lacks == ("it names no task",)
    assert found.found.final


def test_the_hub_and_its_token_have_no_meaning_here(convert):
    found = config(convert, "llm", more="hub: {username: me, token: hf_secret, push_to_hub: true}\nlog: none\n")
    assert {"hub.username", "hub.token", "hub.push_to_hub"} <= set(found.ignored)
    assert "hf_secret" not in repr(found.found)
    assert found["train.report_to"] == []
