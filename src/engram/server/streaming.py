"""Answers that come in pieces: what goes wrong before the first piece is an error, what goes wrong later is said."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any, TypeVar

from engram.errors import EngramError
from engram.server.problems import name_of

T = TypeVar("T")


def begun(said: Iterator[T]) -> Iterator[T]:
    """Return an iterator whose first item is there already, so that an error is raised here and has its own status."""
    for first in said:
        return itertools.chain([first], said)
    return iter(())


def lines(said: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Write documents as lines of JSON; an error ends them as a line of its own."""
    try:
        for one in said:
            yield json.dumps(one, ensure_ascii=False) + "\n"
    except EngramError as error:
        yield json.dumps({"error": name_of(error), "detail": error.message, "remedy": error.remedy}) + "\n"


def server_sent(said: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Write documents as server-sent events in the way of OpenAI: data lines, and ``[DONE]`` at the end."""
    try:
        for one in said:
            yield f"data: {json.dumps(one, ensure_ascii=False)}\n\n"
    except EngramError as error:
        logging.getLogger(__name__).warning("an answer broke off: %s", error)
        told = {"message": str(error), "type": "server_error", "param": None, "code": name_of(error)}
        yield f"data: {json.dumps({'error': told})}\n\n"
    yield "data: [DONE]\n\n"
