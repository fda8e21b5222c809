"""Prep steps that are another way to write a key of the block `train`: `tokenise` and `pack`."""

from __future__ import annotations

import json
from typing import Any

from engram import registry
from engram.config.check_prep import step_options
from engram.config.tree import Tree, put
from engram.schema.codec import FieldProblem
from engram.schema.recipe import PrepStep


def settle_prep(tree: Tree) -> tuple[Tree, tuple[str, ...]]:
    """Put what such steps say into the block `train`, where it says nothing of it itself, with a note each.

    Where both say something, both stay: `check_prep` refuses them if they differ. So do steps that can't be read.

    >>> settled, notes = settle_prep(Tree({"prep": [{"tokenise": {"max_length": 64}}]}))
    >>> settled.data["train"], notes
    ({'max_seq_length': 64}, ("the recipe: the prep step 'tokenise' is read as 'train.max_seq_length: 64'.",))
    """
    notes: list[str] = []
    steps, train = tree.data.get("prep"), tree.data.get("train", {})
    if not isinstance(steps, list) or not isinstance(train, dict):
        return tree, ()
    for index, item in enumerate(steps):
        mark = tree.mark(("prep", index))
        for name, key, value in _meant(item):
            if key not in train:
                tree = put(tree, ("train", key), value, mark)
                notes.append(f"{mark.where}: the prep step {name!r} is read as 'train.{key}: {json.dumps(value)}'.")
    return tree, tuple(notes)


def _meant(item: Any) -> list[tuple[str, str, Any]]:
    try:
        given = PrepStep.from_plain(item, ())
        if given.name not in registry.names("prep step"):
            return []
        step = registry.get("prep step", given.name)
        if step.on not in ("tokens", "batches"):
            return []
        options = step_options(step, given.options, ())
    except FieldProblem:
        return []
    return [(given.name, key, value) for key, value in step.apply(options).items()]
