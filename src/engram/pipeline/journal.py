"""The journal of an attempt: events as JSON lines, numbered without a gap, so that replay is idempotent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engram import files
from engram.schema.codec import from_dict, to_dict
from engram.schema.event import Event


def utc_now() -> str:
    """Return the time as UTC with microseconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Journal:
    """The writing side; one process at a time writes to a journal, and one without a path has nothing to say."""

    def __init__(self, path: Path | None, run: str, attempt: int, epoch: int = 1) -> None:
        self._run, self._attempt, self._epoch = run, attempt, epoch
        self._seq, self._stream = 0, None
        self.stage = ""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._seq = _cut_torn_line(path)
            self._stream = path.open("ab", buffering=0)

    def emit(self, kind: str, body: Mapping[str, Any]) -> None:
        """Append one event of the present stage. Numbers that are not finite are written as text."""
        if self._stream is None:
            return
        event = Event(self._run, self._attempt, self._epoch, self._seq, utc_now(), self.stage, kind, _finite(body))
        self._stream.write(files.canonical_json(to_dict(event)) + b"\n")
        self._seq += 1

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()


class Follower:
    """The reading side: gives each whole line once, also while it is being written."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def skip(self) -> None:
        """Pass over what is there already."""
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def read(self) -> Iterator[Event]:
        """Yield the events since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield from_dict(Event, json.loads(line))


def read_journals(run: Path) -> list[Event]:
    """Return all events of a run, attempt by attempt."""
    events: list[Event] = []
    for attempt in sorted(run.glob("attempt-*"), key=lambda path: int(path.name.split("-")[1])):
        events.extend(Follower(attempt / "journal.jsonl").read())
    return events


def _cut_torn_line(path: Path) -> int:
    """Remove a last line that a killed writer left unfinished, and return the number of whole ones."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) != len(content):
        files.write_atomic(path, whole)
    return whole.count(b"\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not (value == value and abs(value) != float("inf")):
        return repr(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
