"""The working sheet of one import: what the file says, what became of each key, and the recipe as far as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from engram.config.importers.report import Added, Carried, Ignored, Unsupported
from engram.config.tree import Tree, dotted, leaves
from engram.errors import did_you_mean
from engram.schema.codec import Path

EMPTY = "has no value"
MUST_BE_BLOCK = "must be a block of keys"
MAX_HINTS = 20


class Unfit(ValueError):
    """A value that can't become one of ours; the text says why."""


@dataclass(frozen=True)
class Line:
    """One value of the recipe, and the comment that tells where it comes from."""

    value: Any
    comment: str


class Sheet:
    """Reads keys and files each of them once; a key that is filed twice is a fault of the importer, not of the file.

    folders: where relative names of the file may start from, in the order they are tried. out: the recipe's folder.
    """

    def __init__(self, tree: Tree, title: str, folders: tuple[File, ...], out: File) -> None:
        self.tree, self.title, self.folders, self.out = tree, title, folders, out
        self.carried: list[Carried] = []
        self.ignored: list[Ignored] = []
        self.unsupported: list[Unsupported] = []
        self.added: list[Added] = []
        self.lines: dict[Path, Line] = {}
        self.lacks: list[str] = []
        self.notes: list[str] = []
        self.final = False
        self._filed: set[Path] = set()
        self._above: set[Path] = set()

    def get(self, *path: str | int) -> Any:
        """Return the value at a path, None where there is none."""
        data = self.tree.data
        for part in path:
            if isinstance(data, dict):
                data = data.get(part)
            elif isinstance(data, list) and isinstance(part, int) and part < len(data):
                data = data[part]
            else:
                return None
        return data

    def says(self, path: Path) -> bool:
        """Tell whether the file has a key, with a value or without."""
        above = self.get(*path[:-1])
        return path[-1] in above if isinstance(above, dict) else self.get(*path) is not None

    def is_filed(self, path: Path) -> bool:
        """Tell whether a path, something above it or something below it was filed."""
        return path in self._above or self._covered(path)

    def carry(self, path: Path, ours: str, becomes: Any, note: str = "", lines: dict[str, Any] | None = None) -> None:
        """File a key as carried over, and write its line of the recipe; `lines` are written instead where given.

        Where another key has written that line with another value, none is guessed to win: this one is not supported.
        """
        value = self.get(*path)
        earlier = next((one for one in self.carried if one.ours == ours), None)
        if earlier and earlier.becomes != becomes:
            self.refuse(path, f"{earlier.key!r} ({earlier.where}) means the same and says something else")
            return
        self.added = [one for one in self.added if one.ours != ours]
        self._file(path)
        self.carried.append(Carried(dotted(path), self._where(path), value, ours, becomes))
        said = f"{self._where(path)} {dotted(path)}"
        if becomes != value and isinstance(value, str | int | float):
            said += f": {str(value).lower() if isinstance(value, bool) else value}"
        for key, item in ({ours: becomes} if lines is None else lines).items():
            self.lines[our_path(key)] = Line(item, f"{said}{'; ' if note else ''}{note}")

    def ignore(self, path: Path, reason: str) -> None:
        """File a key as one without meaning here."""
        self._file(path)
        self.ignored.append(Ignored(dotted(path), self._where(path), reason))

    def refuse(self, path: Path, reason: str, *, matters: bool = True) -> None:
        """File a key as one that Engram can't do yet."""
        self._file(path)
        self.unsupported.append(Unsupported(dotted(path), self._where(path), reason, matters))

    def give_up(self, path: Path, reason: str) -> None:
        """File a key that leaves nothing to make a recipe of."""
        self.refuse(path, reason)
        self.final = True

    def is_written(self, ours: str) -> bool:
        """Tell whether the recipe has a line."""
        return our_path(ours) in self.lines

    def write(self, ours: str, value: Any, comment: str) -> None:
        """Write a line that keys of the file ask for together."""
        self.lines[our_path(ours)] = Line(value, comment)

    def put(self, ours: str, value: Any, reason: str) -> None:
        """Write a line that no key asks for; one that stands already is kept."""
        if not self.is_written(ours):
            self.added.append(Added(ours, value, reason))
            self.lines[our_path(ours)] = Line(value, reason)

    def default(self, ours: str, value: Any, note: str = "") -> None:
        """Write what the peer does where its file says nothing."""
        self.put(ours, value, f"not in the file: what {self.title} does by default{'; ' if note else ''}{note}")

    def wrote(self, ours: str) -> Any:
        """Return the value of a line of the recipe, None where there is none."""
        line = self.lines.get(our_path(ours))
        return line.value if line else None

    def apply(self, rules: Mapping[str, Rule], at: Path = ()) -> None:
        """File every key of one block by its rule; one that has none is not known to the peer."""
        block = self.get(*at)
        if not isinstance(block, dict):
            if block is not None and not self.is_filed(at):
                self.refuse(at, MUST_BE_BLOCK)
            return
        for key, value in block.items():
            path = (*at, key)
            if self.is_filed(path):
                continue
            rule = rules.get(key)
            if rule is None:
                self.unknown(path, rules)
            elif value is None:
                self.ignore(path, EMPTY)
            else:
                rule(self, path, value)

    def unknown(self, path: Path, rules: Mapping[str, Rule]) -> None:
        """File a key that the peer does not have."""
        # Looking for the nearest name takes a millisecond; a file of nothing but wrong names must not take minutes.
        near = did_you_mean(str(path[-1]), rules) if len(self.unsupported) < MAX_HINTS else ""
        self.refuse(path, f"{self.title} has no such key here.{' ' if near else ''}{near}")

    def set_aside(self, at: Path, reason: str) -> None:
        """File the keys of one block that are left, because the block as a whole can't be used."""
        for key in self.get(*at) or {}:
            if not self.is_filed((*at, key)):
                self.refuse((*at, key), reason, matters=False)

    def settle(self) -> None:
        """File whatever no rule has looked at, so that nothing is dropped in silence."""
        for path, _ in leaves(self.tree.data):
            if path and not self._covered(path):
                self.refuse(path, f"{self.title} has no such key here.")

    def _file(self, path: Path) -> None:
        if self.is_filed(path):
            raise ValueError(f"{dotted(path)} is filed twice")
        self._filed.add(path)
        self._above.update(path[:end] for end in range(1, len(path)))

    def _covered(self, path: Path) -> bool:
        return any(path[:end] in self._filed for end in range(1, len(path) + 1))

    def _where(self, path: Path) -> str:
        return self.tree.mark(path).where


Rule = Callable[[Sheet, Path, Any], None]


def our_path(ours: str) -> Path:
    """Split one of our dotted keys; numbers pick from a list.

    >>> our_path("data.sources.0.hub")
    ('data', 'sources', 0, 'hub')
    """
    return tuple(int(part) if part.isdecimal() else part for part in ours.split("."))
