"""What files of rows hold: for each medium how a file is looked at, and the facts that a row keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engram.data import picture, sound
from engram.schema.form import Medium

Facts = Mapping[str, float]


@dataclass(frozen=True)
class Look:
    """How the files of a medium are looked at; raises ValueError, in words, for a file that is not what it should be.

    column: the column that such files have in a folder. what: such a file, in words. facts: content → what its head
    says. check: the same, of a file that was read to its end.
    """

    column: str
    what: str
    facts: Callable[[bytes], Facts]
    check: Callable[[bytes], Facts]


LOOKS: dict[Medium, Look] = {
    "sound": Look("audio", "a sound file", sound.facts, sound.check),
    "image": Look("image", "an image file", picture.facts, picture.check),
}
