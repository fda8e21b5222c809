"""What a model that takes files or numbers is asked: arguments of the command line, as inputs of its task."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.data.attached import MOST_ASKED_BYTES, is_inline, to_url


def asked_as(kind: str, task: str, inputs: Sequence[Any]) -> list[Any] | None:
    """Return the inputs of a task that takes files or numbers as it takes them; None for every other.

    Raises what `as_files` and `as_numbers` raise.
    """
    from engram import registry

    card = registry.get("kind", kind) if kind in registry.names("kind") else None
    takes = card.tasks[task].predict_in.takes if card and task in card.tasks else ""
    return as_files(inputs) if takes == "file" else as_numbers(inputs) if takes == "numbers" else None


def as_numbers(inputs: Sequence[Any]) -> list[Any]:
    """Return inputs as numbers and lists of them: an argument is JSON, as ``[0.1, -0.2]``.

    Raises UsageError for an argument that is none.

    >>> as_numbers(["[0.5, 1]", 3])
    [[0.5, 1], 3]
    """
    from engram.errors import UsageError

    found = []
    for one in inputs:
        try:
            found.append(json.loads(one) if isinstance(one, str) else one)
        except json.JSONDecodeError as error:
            raise UsageError(
                f"This model is asked about numbers, and {one[:80]!r} is none.", remedy="Write '[0.1, -0.2]'."
            ) from error
    return found


def save_files(answers: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write the files among answers into a folder, named by the number of the input; no file that is there is touched.

    Raises UsageError when no answer is a file, or one of that name is there already: nothing is written then.
    """
    from engram.data.attached import from_url
    from engram.errors import UsageError
    from engram.files import write_atomic

    given = [(place, one["file"]) for place, one in enumerate(answers, 1) if isinstance(one.get("file"), str)]
    if not given:
        raise UsageError("No answer is a file, so there is nothing to save.", remedy="Leave --save out.")
    found = {folder / f"{place:03}{_suffix(content := from_url(url))}": content for place, url in given}
    if there := next((path for path in found if path.exists()), None):
        raise UsageError(f"{there} is there already, and nothing was written.", remedy="Name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in found.items():
        write_atomic(path, content)
    return list(found)


def _suffix(content: bytes) -> str:
    return ".wav" if content[:4] == b"RIFF" else ".flac" if content[:4] == b"fLaC" else ".bin"


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
