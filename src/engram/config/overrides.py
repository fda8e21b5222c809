"""What is said beside the file: ``--set a.b=c``, ``ENGRAM_A__B=c`` and the flags of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engram.config.aliases import ALIASES
from engram.config.parse import parse_yaml
from engram.config.tree import Mark, Tree, dotted, put
from engram.errors import RecipeError, UsageError
from engram.schema.codec import Path

PREFIX = "ENGRAM_"


def apply_sets(tree: Tree, sets: Sequence[str]) -> Tree:
    """Apply ``--set key=value`` in the order given; the value is YAML.

    Raises UsageError for a text without ``=`` and for a list item that is not there.

    >>> apply_sets(Tree({"train": {"seed": 1}}), ["train.seed=7", "data.split={seed: 3}"]).data
    {'train': {'seed': 7}, 'data': {'split': {'seed': 3}}}
    """
    for said in sets:
        key, equals, text = said.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {said}: this is not KEY=VALUE.", remedy="Write for example: --set train.seed=7")
        tree = _apply(tree, key.strip(), text, f"--set {key.strip()}")
    return tree


def apply_environment(tree: Tree, environment: Mapping[str, str]) -> Tree:
    """Apply every ``ENGRAM_BLOCK__KEY`` variable; two underscores stand for the dot.

    >>> apply_environment(Tree({}), {"ENGRAM_TRAIN__SEED": "7", "ENGRAM_HOME": "/srv"}).data
    {'train': {'seed': 7}}
    """
    for name in sorted(environment):
        if name.startswith(PREFIX) and "__" in name:
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            tree = _apply(tree, key, environment[name], name)
    return tree


def apply_flags(tree: Tree, flags: Mapping[str, Any], where: str = "a flag") -> Tree:
    """Apply the values that a command's own flags stand for, under dotted keys."""
    for key, value in flags.items():
        tree = put(tree, _path(tree.data, key, where), value, Mark(where, where))
    return tree


def _apply(tree: Tree, key: str, text: str, where: str) -> Tree:
    try:
        value = parse_yaml(text.encode(), where).data
    except RecipeError as error:
        # A line number helps in a file, not in a word of the command line.
        raise UsageError(error.message.replace(f"{where}:1: ", f"{where}: ", 1), remedy=error.remedy) from error
    return put(tree, _path(tree.data, ALIASES.get(key, key), where), value, Mark(where, where))


def _path(data: Any, key: str, where: str) -> Path:
    path: list[str | int] = []
    for part in key.split("."):
        if not isinstance(data, list):
            path.append(part)
            data = data.get(part) if isinstance(data, dict) else None
            continue
        if not part.isdecimal() or int(part) >= len(data):
            raise UsageError(
                f"{where}: {dotted(tuple(path))!r} is a list of {len(data)}, and {part!r} is none of its items.",
                remedy=f"Name an item by its number, from 0 to {len(data) - 1}." if data else "The list is empty.",
            )
        path.append(int(part))
        data = data[int(part)]
    return tuple(path)
