"""Names that users of transformers, TRL, PEFT, Axolotl and LLaMA-Factory know, and what we call them.

A short table for habits of the hand; whole files of those tools are read by importers.
"""

from __future__ import annotations

from typing import Any

from engram.config.tree import Tree, dotted, put
from engram.errors import RecipeError
from engram.schema.codec import Path

ALIASES: dict[str, str] = {
    "base_model": "model.source",
    "model_name_or_path": "model.source",
    "lora_r": "adapter.r",
    "lora_rank": "adapter.r",
    "lora_alpha": "adapter.alpha",
    "lora_dropout": "adapter.dropout",
    "lora_target_modules": "adapter.target_modules",
    "adapter.lora_r": "adapter.r",
    "adapter.rank": "adapter.r",
    "adapter.lora_alpha": "adapter.alpha",
    "adapter.lora_dropout": "adapter.dropout",
    "adapter.lora_target_modules": "adapter.target_modules",
    "train.epochs": "train.num_train_epochs",
    "train.num_epochs": "train.num_train_epochs",
    "train.lr": "train.learning_rate",
    "train.batch_size": "train.per_device_train_batch_size",
    "train.micro_batch_size": "train.per_device_train_batch_size",
    "train.lr_scheduler": "train.lr_scheduler_type",
    "train.max_length": "train.max_seq_length",
    "train.sequence_len": "train.max_seq_length",
    "train.cutoff_len": "train.max_seq_length",
    "train.eval_steps": "train.eval_every",
    "train.save_steps": "train.save_every.steps",
}


def rename(tree: Tree) -> tuple[Tree, tuple[str, ...]]:
    """Put our names for the borrowed ones, and say so in a note each.

    Raises RecipeError when a borrowed name and ours are both given.

    >>> renamed, notes = rename(Tree({"train": {"epochs": 2}}))
    >>> renamed.data, notes
    ({'train': {'num_train_epochs': 2}}, ("the recipe: 'train.epochs' is read as 'train.num_train_epochs'.",))
    """
    notes: list[str] = []
    for borrowed, ours in ALIASES.items():
        old, new = tuple(borrowed.split(".")), tuple(ours.split("."))
        if not _has(tree.data, old):
            continue
        mark = tree.mark(old)
        if _has(tree.data, new):
            raise RecipeError(
                f"{mark.where}: {borrowed!r} and {ours!r} mean the same, and both are given.",
                remedy=f"Keep {ours!r} (in {tree.mark(new).where}).",
            )
        moved = tree.at(old)
        tree = put(_drop(tree, old), new, moved.data, mark)
        marks = {**tree.marks, **{(*new, *below): kept for below, kept in moved.marks.items() if below}}
        tree = Tree(tree.data, marks)
        notes.append(f"{mark.where}: {borrowed!r} is read as {dotted(new)!r}.")
    return tree, tuple(notes)


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
