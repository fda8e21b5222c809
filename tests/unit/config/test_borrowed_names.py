"""Names of other tools in a recipe of ours: each has one meaning, is told, and clashes loudly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.config.aliases import ALIASES, CONVERTED, rename
from engram.config.parse import parse_yaml
from engram.config.tree import dotted, leaves
from engram.errors import RecipeError


def renamed(text: str):
    tree, notes = rename(parse_yaml(text.encode(), "r.yaml"))
    return {dotted(path): value for path, value in leaves(tree.data)}, notes, tree


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("base_model: org/m", "model.source", "org/m"),
        ("model: {model_name_or_path: org/m}", "model.source", "org/m"),
        ("learning_rate: 1e-4", "train.learning_rate", 1e-4),
        ("train: {lr: 1e-4}", "train.learning_rate", 1e-4),
        ("num_epochs: 2", "train.num_train_epochs", 2),
        ("micro_batch_size: 4", "train.per_device_train_batch_size", 4),
        ("sequence_len: 64", "train.max_seq_length", 64),
        ("cutoff_len: 64", "train.max_seq_length", 64),
        ("train: {block_size: 64}", "train.max_seq_length", 64),
        ("gradient_accumulation: 2", "train.gradient_accumulation_steps", 2),
        ("scheduler: linear", "train.lr_scheduler_type", "linear"),
        ("mixed_precision: fp16", "train.precision", "fp16"),
        ("sample_packing: true", "train.packing", True),
        ("lora_rank: 4", "adapter.r", 4),
        ("finetuning_type: full", "adapter.type", "full"),
        ("save_steps: 5", "train.save_every.steps", 5),
        ("eval_steps: 5", "train.eval_every", 5),
        ("seed: 3", "train.seed", 3),
        ("data: {text_column: body}", "data.columns.text", "body"),
        ("bf16: true", "train.precision", "bf16"),
        ("train: {fp16: true}", "train.precision", "fp16"),
        ("train_on_inputs: false", "train.loss_on", "completion"),
        ("completion_only_loss: false", "train.loss_on", "all"),
        ("lora_target: all", "adapter.target_modules", "all-linear"),
        ("adapter: {lora_target_linear: true}", "adapter.target_modules", "all-linear"),
    ],
)
def test_a_borrowed_name_is_read_as_ours_and_told_with_its_line(text, key, value):
    found, notes, tree = renamed(text)
    assert found == {key: value}
    (note,) = notes
    assert note.startswith("r.yaml:1: ")
    assert key in note
    assert tree.mark(tuple(key.split("."))).where == "r.yaml:1"


def test_a_list_of_layers_may_be_written_with_commas():
    found, notes, _ = renamed("lora_target: q_proj, v_proj")
    assert found == {"adapter.target_modules.0": "q_proj", "adapter.target_modules.1": "v_proj"}
    assert "adapter.target_modules: ['q_proj', 'v_proj']" in notes[0]


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("train: {lr: 1e-4, learning_rate: 1e-4}", "train.lr", "train.learning_rate"),
        ("train: {epochs: 1, num_epochs: 1}", "train.num_epochs", "train.epochs"),
        ("lora_r: 1\nlora_rank: 1", "lora_rank", "lora_r"),
        ("lora_r: 1\nadapter: {r: 1}", "lora_r", "adapter.r"),
        ("bf16: true\nfp16: true", "fp16", "bf16"),
        ("bf16: true\nmixed_precision: bf16", "bf16", "mixed_precision"),
        ("seed: 1\ntrain: {seed: 1}", "seed", "train.seed"),
    ],
)
def test_two_spellings_of_one_thing_are_never_settled_in_silence(text, first, second):
    with pytest.raises(RecipeError) as caught:
        renamed(text)
    assert f"{first!r} and {second!r} mean the same, and both are given." in str(caught.value)
    assert str(caught.value).startswith("r.yaml:")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bf16: false", "'bf16' with false has no like here. Write 'train.precision' instead."),
        ("train: {fp16: maybe}", "'train.fp16' with maybe has no like here."),
        ("lora_target_linear: false", "Write 'adapter.target_modules' instead."),
        ("lora_target: 3", "'lora_target' with 3 has no like here."),
        ("adapter: lora\nlora_r: 8", "'adapter' must be a block of keys: 'lora_r' belongs into it."),
    ],
)
def test_a_value_without_a_like_is_refused_with_what_to_write(text, told):
    with pytest.raises(RecipeError) as caught:
        renamed(text)
    assert told in str(caught.value)


def test_each_name_has_one_meaning_in_its_block_and_outside():
    for name, ours in ALIASES.items():
        block, dot, bare = name.partition(".")
        if dot and bare in ALIASES:
            assert ALIASES[bare] == ours, name
        assert ours.partition(".")[0] == (block if dot else ours.partition(".")[0])
    for name, (ours, _) in CONVERTED.items():
        assert CONVERTED[name.rpartition(".")[2]][0] == ours


@given(st.dictionaries(st.sampled_from([*ALIASES]), st.integers(0, 9), min_size=1, max_size=6))
def test_whatever_is_borrowed_is_told_and_nothing_is_lost(said):
    data: dict = {}
    for name, value in said.items():
        *blocks, last = name.split(".")
        where = data
        for block in blocks:
            where = where.setdefault(block, {})
        where[last] = value
    from engram.config.tree import Tree

    meant = [ALIASES[name] for name in said]
    if len({*meant}) < len(meant):
        with pytest.raises(RecipeError, match="mean the same"):
            rename(Tree(data))
        return
    tree, notes = rename(Tree(data))
    assert {dotted(path): value for path, value in leaves(tree.data) if value != {}} == {
        ALIASES[name]: value for name, value in said.items()
    }
    assert len(notes) == len(said)
