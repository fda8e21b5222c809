"""What an import found: the three lists that every key of the file is in one of, and what was put beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Carried:
    """A key that lives on: where it stood, what it said, and our key with the value it became."""

    key: str
    where: str
    value: Any
    ours: str
    becomes: Any


@dataclass(frozen=True)
class Ignored:
    """A key without a meaning here, and why. Its value is not kept: it may be a token."""

    key: str
    where: str
    reason: str


@dataclass(frozen=True)
class Unsupported:
    """A key that means something that Engram can't do yet; `matters` when the model would be trained otherwise."""

    key: str
    where: str
    reason: str
    matters: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.key!r}: {self.reason}"


@dataclass(frozen=True)
class Added:
    """A line of the recipe that no key of the file asks for, and why it is there."""

    ours: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Imported:
    """The outcome of an import.

    peer: the tool's name on the command line; because: how it was recognised. text: the recipe, None when it was
    refused. notes: what a person should look at. lacks: what no recipe can be without and the file does not say.
    final: whether no recipe at all can be made of the file, `--partial` or not.
    """

    peer: str
    because: str
    file: str
    name: str
    text: str | None
    carried: tuple[Carried, ...]
    ignored: tuple[Ignored, ...]
    unsupported: tuple[Unsupported, ...]
    added: tuple[Added, ...]
    notes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    final: bool = False

    @property
    def refused(self) -> tuple[Unsupported, ...]:
        """The keys without which the training would be another one."""
        return tuple(one for one in self.unsupported if one.matters)
