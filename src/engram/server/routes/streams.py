"""Answers as they are made: a line of JSON each, so that a long request shows its first ones early."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from engram.errors import EngramError
from engram.server import problems
from engram.server.access import Here, Who
from engram.server.answering import answer
from engram.server.routes.deployments import Inputs, find

router = APIRouter(prefix="/api/v1/deployments", tags=["deployments"])
MEDIA_TYPE = "application/x-ndjson"


@router.post("/{name}/stream", operation_id="deployments.stream")
def stream(name: str, asked: Inputs, who: Who, here: Here) -> StreamingResponse:
    """Answer inputs one by one: a line ``{"answer": …}`` each, then ``{"artifact": …}``; an error is the last line.

    What goes wrong before the first answer is a problem document with its status, as everywhere.
    """
    found = answer(here, who, find(here, who, name), asked.inputs, streamed=True)
    first = list(islice(found.answers, 1))
    return StreamingResponse(_lines(chain(first, found.answers), found.artifact), media_type=MEDIA_TYPE)


def _lines(answers: Iterable[Any], artifact: str) -> Iterator[str]:
    try:
        for one in answers:
            yield f"{json.dumps({'answer': one}, ensure_ascii=False)}\n"
    except EngramError as error:
        said = {"status": problems.status_of(error), "detail": error.message, "remedy": error.remedy}
        yield f"{json.dumps({'error': problems.name_of(error), **said}, ensure_ascii=False)}\n"
        return
    yield f"{json.dumps({'artifact': artifact})}\n"
