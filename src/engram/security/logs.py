"""Logs of the server and its core: JSON lines without secrets, rotated; on a terminal, lines for people.

Each line passes through `engram.security.redact`, so that no secret, no line break and no escape sequence of a terminal
that stood in a name or a message gets into it.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from engram.security.redact import redact, redact_text

MOST_BYTES, FILES = 20 * 1000 * 1000, 10
MOST_FRAMES = 30  # of a traceback, the innermost ones
FIELDS = "said"  # the attribute of a record that holds fields of its own


@contextmanager
def logging_to(path: Path, terminal: TextIO | None = None) -> Iterator[None]:
    """Write what this process logs to a file (mode 0600) and, for people, to a terminal, while the block lasts.

    What Engram says itself is written from INFO on, of libraries what is WARNING or worse.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [_PrivateFile(path, maxBytes=MOST_BYTES, backupCount=FILES - 1, encoding="utf-8")]
    handlers[0].setFormatter(JsonLine())
    if terminal is not None:
        handlers.append(logging.StreamHandler(terminal))
        handlers[1].setFormatter(PlainLine())
    root, ours = logging.getLogger(), logging.getLogger("engram")
    before = root.level, ours.level
    root.setLevel(logging.WARNING)
    ours.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(before[0])
        ours.setLevel(before[1])


def fields(**said: Any) -> dict[str, Any]:
    """Return the `extra` of a call that logs: ``log.info("request", extra=fields(status=200))``."""
    return {FIELDS: said}


class JsonLine(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the given fields, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact_text(record.getMessage()),
            **redact(_fields(record)),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = told(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


class PlainLine(logging.Formatter):
    """One line for people: the time of day in UTC, the message, and its fields; errors without their traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        parts = [time, level + redact_text(record.getMessage())]
        parts += [f"{name} {redact_text(str(value))}" for name, value in redact(_fields(record)).items() if value]
        if record.exc_info and (error := record.exc_info[1]) is not None:
            parts.append(redact_text(f"{type(error).__name__}: {error}"))
        return "  ".join(parts)


def told(error: BaseException) -> list[str]:
    """Return a traceback as lines without secrets: of each error of the chain the innermost frames, then itself."""
    lines: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = traceback.extract_tb(one.__traceback__)[-MOST_FRAMES:]
        places = [f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line or ''}" for frame in frames]
        lines = [*map(redact_text, places), redact_text(f"{type(one).__name__}: {one}"), *lines]
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return lines


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    found = getattr(record, FIELDS, None)
    return found if isinstance(found, Mapping) else {}


class _PrivateFile(RotatingFileHandler):
    """A rotated file that only its owner may read; each line is made once, and its length is counted here.

    The library asks the disk before every line, and makes the line twice to see how long it is.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record, into the next file where this one has no room for it."""
        try:
            line = self.format(record) + self.terminator
            if self._bytes + len(line) >= self.maxBytes:
                self.doRollover()
            stream = self.stream or self._open()
            self.stream = stream
            stream.write(line)
            self._bytes += len(line)  # a line is ASCII
            stream.flush()
        except Exception:  # as the library has it: what can't be logged must not end what it was said by
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._bytes = os.fstat(descriptor).st_size
        return os.fdopen(descriptor, "a", encoding=self.encoding)
