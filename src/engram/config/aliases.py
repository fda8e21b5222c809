"""Names that users of LLaMA-Factory, Axolotl, TRL and AutoTrain know, and what we call them.

A table for habits of the hand; whole files of those tools are read by `engram recipes import`. Each name has one
meaning, the same in its block and at the top of a recipe, and whoever uses one is told so in a note.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engram.config.tree import Tree, dotted, put
from engram.errors import RecipeError
from engram.schema.codec import Path

# Block → borrowed name → our key. `batch_size` has no like at the top: to Axolotl it is the rows of a whole step.
_BLOCKS: dict[str, dict[str, str]] = {
    "model": {
        "base_model": "model.source",
        "model_name_or_path": "model.source",
        "model_revision": "model.revision",
        "revision_of_model": "model.revision",
        "add_special_tokens": "model.special_tokens",
        "additional_special_tokens": "model.special_tokens",
    },
    "adapter": {
        "finetuning_type": "adapter.type",
        "lora_r": "adapter.r",
        "lora_rank": "adapter.r",
        "lora_alpha": "adapter.alpha",
        "lora_dropout": "adapter.dropout",
        "lora_target_modules": "adapter.target_modules",
    },
    "train": {
        "epochs": "train.num_train_epochs",
        "num_epochs": "train.num_train_epochs",
        "lr": "train.learning_rate",
        "micro_batch_size": "train.per_device_train_batch_size",
        "gradient_accumulation": "train.gradient_accumulation_steps",
        "lr_scheduler": "train.lr_scheduler_type",
        "scheduler": "train.lr_scheduler_type",
        "max_length": "train.max_seq_length",
        "sequence_len": "train.max_seq_length",
        "cutoff_len": "train.max_seq_length",
        "block_size": "train.max_seq_length",
        "model_max_length": "train.max_seq_length",
        "mixed_precision": "train.precision",
        "sample_packing": "train.packing",
        "neat_packing": "train.packing",
        "eval_steps": "train.eval_every",
        "save_steps": "train.save_every.steps",
    },
}
_INSIDE = {
    "adapter.rank": "adapter.r",
    "train.batch_size": "train.per_device_train_batch_size",
    "data.dataset_text_field": "data.columns.text",
    "data.text_column": "data.columns.text",
    "data.target_column": "data.columns.label",
    "data.tokens_column": "data.columns.tokens",
    "data.tags_column": "data.columns.tags",
}
# Our own names of the training block, which those tools write without a block.
_FLAT = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
    "lr_scheduler_type", "warmup_ratio", "weight_decay", "max_grad_norm", "max_seq_length", "group_by_length",
    "gradient_checkpointing", "early_stopping_patience", "packing", "seed",
)  # fmt: skip

ALIASES: dict[str, str] = {
    **{name: ours for names in _BLOCKS.values() for name, ours in names.items()},
    **{f"{block}.{name}": ours for block, names in _BLOCKS.items() for name, ours in names.items()},
    **_INSIDE,
    **{name: f"train.{name}" for name in _FLAT},
}


def rename(tree: Tree) -> tuple[Tree, tuple[str, ...]]:
    """Put our names for the borrowed ones, and say so in a note each.

    Raises RecipeError when one thing is said twice, by a borrowed name and ours or by two borrowed ones, and for a
    value that has no like.

    >>> renamed, notes = rename(Tree({"train": {"epochs": 2}}))
    >>> renamed.data, notes
    ({'train': {'num_train_epochs': 2}}, ("the recipe: 'train.epochs' is read as 'train.num_train_epochs'.",))
    >>> rename(Tree({"bf16": True}))[0].data
    {'train': {'precision': 'bf16'}}
    """
    notes: list[str] = []
    said: dict[Path, str] = {}
    for borrowed, ours in [*ALIASES.items(), *((name, ours) for name, (ours, _) in CONVERTED.items())]:
        old, new = tuple(borrowed.split(".")), tuple(ours.split("."))
        if not _has(tree.data, old):
            continue
        mark = tree.mark(old)
        if _has(tree.data, new):
            first = said.get(new, dotted(new))
            raise RecipeError(
                f"{mark.where}: {borrowed!r} and {first!r} mean the same, and both are given.",
                remedy=f"Keep {first!r} (in {tree.mark(new).where}).",
            )
        _check_blocks(tree, borrowed, new)
        moved = tree.at(old)
        value = moved.data
        if borrowed in CONVERTED:
            value = CONVERTED[borrowed][1](value)
            if value is None:
                raise RecipeError(
                    f"{mark.where}: {borrowed!r} with {_shown(moved.data)} has no like here.",
                    remedy=f"Write {ours!r} instead.",
                )
        tree = put(_drop(tree, old), new, value, mark)
        marks = {**tree.marks, **{(*new, *below): kept for below, kept in moved.marks.items() if below}}
        tree = Tree(tree.data, marks)
        said[new] = borrowed
        means = "" if value == moved.data else f": {_shown(value)}"
        notes.append(f"{mark.where}: {borrowed!r} is read as {dotted(new) + means!r}.")
    return tree, tuple(notes)


def _check_blocks(tree: Tree, borrowed: str, new: Path) -> None:
    """Refuse to put a key into what is no block, because that would be lost."""
    data = tree.data
    for end, part in enumerate(new[:-1], 1):
        data = data.get(part)
        if data is None:
            return
        if not isinstance(data, dict):
            block = dotted(new[:end])
            raise RecipeError(
                f"{tree.mark(new[:end]).where}: {block!r} must be a block of keys: {borrowed!r} belongs into it.",
                remedy=f"Write {block}: {{{new[end]}: …}}.",
            )


def _layers(value: Any) -> Any:
    if not isinstance(value, str):
        return value if isinstance(value, list) else None
    names = [name.strip() for name in value.split(",") if name.strip()]
    return "all-linear" if names in (["all"], ["all-linear"]) else names or None


def _switch(on: Any, off: Any = None) -> Callable[[Any], Any]:
    """Return what true and false mean; None where one of them says too little."""
    return lambda value: (on if value else off) if isinstance(value, bool) else None


# Borrowed name → our key and the value that theirs becomes; None where it has none.
_MEANT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "train.bf16": ("train.precision", _switch("bf16")),
    "train.fp16": ("train.precision", _switch("fp16")),
    "train.train_on_inputs": ("train.loss_on", _switch("all", "completion")),
    "train.train_on_prompt": ("train.loss_on", _switch("all", "completion")),
    "train.completion_only_loss": ("train.loss_on", _switch("completion", "all")),
    "adapter.lora_target": ("adapter.target_modules", _layers),
    "adapter.lora_target_linear": ("adapter.target_modules", _switch("all-linear")),
}
CONVERTED = {**_MEANT, **{name.partition(".")[2]: meaning for name, meaning in _MEANT.items()}}


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)[:60]


def _has(data: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True


def _drop(tree: Tree, path: Path) -> Tree:
    def without(data: dict[str, Any], rest: Path) -> dict[str, Any]:
        if len(rest) == 1:
            return {key: value for key, value in data.items() if key != rest[0]}
        return {key: without(value, rest[1:]) if key == rest[0] else value for key, value in data.items()}

    marks = {found: mark for found, mark in tree.marks.items() if found[: len(path)] != path}
    return Tree(without(tree.data, path), marks)
