"""What a model that takes files is asked: names of files on the command line, as the inputs that its task takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engram.data.attached import MOST_ASKED_BYTES, is_inline, to_url


def takes_files(kind: str, task: str) -> bool:
    """Tell whether the inputs of a task are files; False for a kind that is not known here."""
    from engram import registry
    from engram.schema.card import FileIn

    if kind not in registry.names("kind"):
        return False
    card = registry.get("kind", kind)
    return task in card.tasks and isinstance(card.tasks[task].predict_in, FileIn)


def as_files(inputs: Sequence[Any]) -> list[Any]:
    """Return inputs as ``data:`` URLs: each is one already, or the name of a file.

    Raises NotFound for a name that is none, UsageError for a file that is empty or larger than what is taken.
    """
    from engram.errors import NotFound, UsageError

    found: list[Any] = []
    for one in inputs:
        if not isinstance(one, str) or is_inline(one):
            found.append(one)  # the model's own code says what is wrong with it
            continue
        path = Path(one)
        if not path.is_file():
            raise NotFound(f"There is no file {one[:200]!r}.", remedy="This model is asked about files: name one.")
        if not 0 < path.stat().st_size <= MOST_ASKED_BYTES:
            told = f"{one} has {path.stat().st_size:,} bytes; 1 to {MOST_ASKED_BYTES:,} are taken."
            raise UsageError(told, remedy="Cut it into shorter files.")
        found.append(to_url(path.read_bytes()))
    return found
