"""Plain data that remembers where each of its values came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engram.schema.codec import Path


@dataclass(frozen=True)
class Mark:
    """Where a value stands.

    where: what an error begins with (``recipes/mine.yaml:31``, ``--set train.seed``). origin: the same for
    `engram config --explain`. line, column: 1-based, 0 outside files. expands: whether ``${NAME}`` is looked up in it.
    """

    where: str
    origin: str
    line: int = 0
    column: int = 0
    expands: bool = False


@dataclass(frozen=True)
class Tree:
    """Plain data (dicts, lists, text, numbers, true/false, None) and the mark of each path in it."""

    data: Any
    marks: Mapping[Path, Mark] = field(default_factory=dict)

    def mark(self, path: Path) -> Mark:
        """Return the mark of a path, or of its nearest marked parent.

        >>> Tree({}, {(): Mark("a.yaml:1", "a.yaml:1")}).mark(("train", "seed")).where
        'a.yaml:1'
        """
        for end in range(len(path), -1, -1):
            if path[:end] in self.marks:
                return self.marks[path[:end]]
        return Mark("the recipe", "the recipe")

    def at(self, path: Path) -> Tree:
        """Return the subtree at a path that exists."""
        data = self.data
        for part in path:
            data = data[part]
        size = len(path)
        return Tree(data, {found[size:]: mark for found, mark in self.marks.items() if found[:size] == path})

    def without(self, key: str) -> Tree:
        """Return the tree without one top-level key."""
        data = {name: value for name, value in self.data.items() if name != key}
        return Tree(data, {path: mark for path, mark in self.marks.items() if path[:1] != (key,)})

    def said_by(self, origin: str) -> Tree:
        """Return the tree with the origin of each mark prefixed, as ``profile 'offline' (mine.yaml:60)``."""
        return Tree(
            self.data,
            {path: replace(mark, origin=f"{origin} ({mark.origin})") for path, mark in self.marks.items()},
        )


def overlay(base: Tree, top: Tree) -> Tree:
    """Lay one tree over another: blocks of keys merge, everything else (lists too) is replaced.

    >>> overlay(Tree({"a": {"x": 1, "y": [1, 2]}}), Tree({"a": {"y": [3]}})).data
    {'a': {'x': 1, 'y': [3]}}
    """
    marks = dict(base.marks)
    data = _merge(base.data, top, (), marks)
    return Tree(data, marks)


def put(base: Tree, path: Path, value: Any, mark: Mark) -> Tree:
    """Replace the value at one path; missing blocks on the way are made, a number picks from a list that exists.

    Raises IndexError when a number points beyond its list.
    """
    marks = {found: kept for found, kept in base.marks.items() if found[: len(path)] != path}
    marks[path] = mark
    return Tree(_put(base.data, path, value), marks)


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value that is no block and no list, with its path; empty blocks and lists count as values.

    >>> list(leaves({"a": {"b": 1}, "c": []}))
    [(('a', 'b'), 1), (('c',), [])]
    """
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data


def dotted(path: Path) -> str:
    """Write a path as people do.

    >>> dotted(("data", "sources", 0, "path"))
    'data.sources.0.path'
    """
    return ".".join(map(str, path))


def _merge(base: Any, top: Tree, path: Path, marks: dict[Path, Mark]) -> Any:
    if isinstance(base, dict) and isinstance(top.data, dict):
        merged = dict(base)
        for key in top.data:
            below = top.at((key,))
            if key in base:
                merged[key] = _merge(base[key], below, (*path, key), marks)
            else:
                merged[key] = below.data
                _adopt(below, (*path, key), marks)
        return merged
    for found in [found for found in marks if found[: len(path)] == path]:
        del marks[found]
    _adopt(top, path, marks)
    return top.data


def _adopt(top: Tree, path: Path, marks: dict[Path, Mark]) -> None:
    for below, mark in top.marks.items():
        marks[(*path, *below)] = mark


def _put(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(first, int):
        return [*data[:first], _put(data[first], rest, value), *data[first + 1 :]]
    block = data if isinstance(data, dict) else {}
    return {**block, first: _put(block.get(first), rest, value)}
