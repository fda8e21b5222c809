"""What an operation of the SDK wishes for: it does no input and output itself, so one description serves both clients.

An operation is a generator. It yields wishes and is sent what came of each; an error is raised at the wish. `Give`
hands an item to whoever iterates over it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

Steps = Generator[Any, Any, Any]


@dataclass(frozen=True)
class Send:
    """Send a request; comes back as a `Response`, or raises `Unreached`.

    content: bytes in place of a JSON body. stream: leave the body of a good answer for `More`.
    """

    method: str
    path: str
    body: Any = None
    query: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    stream: bool = False


@dataclass(frozen=True)
class More:
    """Take the next bytes of the streamed answer; None at its end."""


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Clock:
    """Tell the time in seconds since some beginning."""


@dataclass(frozen=True)
class Work:
    """Do something that takes the disk, and bring back its result."""

    do: Callable[[], Any]


@dataclass(frozen=True)
class Give:
    """Hand an item to the reader."""

    item: Any


@dataclass(frozen=True)
class Response:
    """What a server answered."""

    status: int
    media: str
    headers: Mapping[str, str]
    content: bytes
    where: str


class Unreached(Exception):
    """There was no answer, or it broke off."""
