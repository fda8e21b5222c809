"""YAML text → plain data with positions: safe by construction, and bounded in size, depth and number of values.

Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), so ``no`` and ``on`` are
text, ``010`` is ten and ``1e-4`` is a number. Keys are always text, exactly as they are written. Tags, duplicate keys,
several documents and aliases that hold themselves are refused. The events are read one by one, because the composer of
libyaml recurses in C and a file of nothing but ``[`` would end the process.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from engram.config.tree import Mark, Tree
from engram.errors import RecipeError
from engram.schema.codec import Path

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 50_000
MAX_ANCHORS = 100
MAX_KEY_LENGTH = 200

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CORE_TAGS = {None, "!"}

_NULL = re.compile(r"|~|null|Null|NULL")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
# Eighteen digits fit 64 bits; what is longer is no number that a recipe can mean, and stays text.
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_BASED = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


def parse_yaml(content: bytes, file: str) -> Tree:
    """Read one YAML document.

    Raises RecipeError, beginning with ``file:line:``, for text that is no YAML, is not UTF-8, or breaks a bound.

    >>> parse_yaml(b"train: {learning_rate: 1e-4}", "a.yaml").data
    {'train': {'learning_rate': 0.0001}}
    """
    if len(content) > MAX_BYTES:
        raise RecipeError(f"{file}: the file is larger than 1 MiB, the most that a recipe may have.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecipeError(
            f"{file}:{line}: byte {error.start} is not UTF-8.", remedy="Save the file with the encoding UTF-8."
        ) from error
    try:
        return _Reader(text, file).read()
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes where the reader in Python counts characters, so the place is looked up again.
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        code = ord(found.group()) if found else error.character
        raise RecipeError(f"{file}:{line}: the character U+{code:04X} is not allowed.") from error
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        # The end of the text counts as a line of its own, which no editor shows.
        line = min(at.line, len(text.rstrip("\n").splitlines()) - 1) + 1 if at else 1
        raise RecipeError(f"{file}:{line}: this is not YAML: {error.problem}.", remedy=_hint(text, line)) from error


def scalar(text: str) -> Any:
    """Give a plain scalar its type.

    >>> [scalar(text) for text in ("1e-4", "no", "010", "true", "~", "1_000")]
    [0.0001, 'no', 10, True, None, '1_000']
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if found := _INFINITE.fullmatch(text):
        return float(found[1] + "inf")
    return float("nan") if _NAN.fullmatch(text) else text


def _hint(text: str, line: int) -> str:
    lines = text.splitlines()
    near = lines[max(line - 2, 0) : line]
    return "Indent with spaces, not tabs." if any(part.lstrip(" ").startswith("\t") for part in near) else ""


class _Reader:
    """Walks the events of one document; it keeps the anchors and counts what it has built."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.marks: dict[Path, Mark] = {}
        self.anchors: dict[str, tuple[Any, dict[Path, Mark]]] = {}
        self.values = 0
        self.loader = LOADER(text)

    def read(self) -> Tree:
        try:
            self.loader.get_event()  # the start of the stream
            if self.loader.check_event(yaml.StreamEndEvent):
                return Tree(None, {(): self._mark_at(1, 1)})
            self.loader.get_event()  # the start of the document
            self.marks[()] = self._mark_at(1, 1)
            data = self._value(())
            self.loader.get_event()  # the end of the document
            extra = self.loader.get_event()
            if not isinstance(extra, yaml.StreamEndEvent):
                raise self._problem(extra, "a second document begins here; a recipe is one document.")
        finally:
            self.loader.dispose()
        return Tree(data, self.marks)

    def _value(self, path: Path) -> Any:
        event = self.loader.get_event()
        self._count(event, 1)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag not in CORE_TAGS:
            raise self._problem(event, f"tags ({event.tag}) are not allowed.", "Write plain values.")
        if len(path) > MAX_DEPTH:
            raise self._problem(event, f"values are nested more than {MAX_DEPTH} deep.")
        if isinstance(event, yaml.ScalarEvent):
            data = scalar(event.value) if event.implicit[0] else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            data = self._list(path)
        else:
            data = self._block(path)
        if event.anchor:
            if len(self.anchors) >= MAX_ANCHORS:
                raise self._problem(event, f"the file names more than {MAX_ANCHORS} anchors.")
            below = {found[len(path) :]: mark for found, mark in self.marks.items() if found[: len(path)] == path}
            self.anchors[event.anchor] = (data, below)
        return data

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.marks[here] = self._mark(self.loader.peek_event())
            items.append(self._value(here))
        self.loader.get_event()
        return items

    def _block(self, path: Path) -> dict[str, Any]:
        block: dict[str, Any] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            event = self.loader.get_event()
            self._count(event, 1)
            if not isinstance(event, yaml.ScalarEvent) or event.tag not in CORE_TAGS:
                raise self._problem(event, "a key must be plain text.")
            if len(event.value) > MAX_KEY_LENGTH:
                raise self._problem(event, f"a key is longer than {MAX_KEY_LENGTH} characters.")
            if event.value in block:
                first = self.marks[(*path, event.value)].line
                raise self._problem(event, f"the key {event.value!r} is given twice; first on line {first}.")
            self.marks[(*path, event.value)] = self._mark(event)
            block[event.value] = None
            block[event.value] = self._value((*path, event.value))
        self.loader.get_event()
        return block

    def _alias(self, event: Any, path: Path) -> Any:
        if event.anchor not in self.anchors:
            raise self._problem(event, f"the alias *{event.anchor} names no value above it.")
        data, below = self.anchors[event.anchor]
        self._count(event, len(below))
        for found, mark in below.items():
            if len(path) + len(found) > MAX_DEPTH:
                raise self._problem(event, f"values are nested more than {MAX_DEPTH} deep.")
            if found:
                self.marks[(*path, *found)] = mark
        return data

    def _count(self, event: Any, more: int) -> None:
        self.values += more
        if self.values > MAX_VALUES:
            raise self._problem(event, f"the file holds more than {MAX_VALUES} values, aliases counted in full.")

    def _mark(self, event: Any) -> Mark:
        return self._mark_at(event.start_mark.line + 1, event.start_mark.column + 1)

    def _mark_at(self, line: int, column: int) -> Mark:
        where = f"{self.file}:{line}"
        return Mark(where, where, line, column, expands=True)

    def _problem(self, event: Any, message: str, remedy: str = "") -> RecipeError:
        return RecipeError(f"{self.file}:{event.start_mark.line + 1}: {message}", remedy=remedy)
