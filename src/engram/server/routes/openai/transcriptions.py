"""/v1/audio/transcriptions: a recording in a form, and what was heard in it, in the shapes that clients ask for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engram.data.attached import MOST_ASKED_BYTES, to_url
from engram.errors import UsageError
from engram.schema.card import TranscriptOut
from engram.server.access import Caller, Here, Who
from engram.server.answering import answer
from engram.server.multipart import Received, receive_into
from engram.server.platform import Platform
from engram.server.route import Router
from engram.server.routes.openai.models import cannot, find
from engram.server.tasks import task_of

router = Router(prefix="/v1/audio/transcriptions", tags=["openai"])
PATH, MOST_FORM_BYTES = "/v1/audio/transcriptions", MOST_ASKED_BYTES + 2**16  # the fields beside the file
VERBOSE = "verbose_json"

Told = Mapping[str, Any]


class Asked(BaseModel):
    """The fields of the form beside the file; what would change the transcript is refused and never ignored."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=64, description="The name of a deployment.")
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ()
    temperature: float = 0.0
    stream: Literal["", "false", "False"] = ""

    @field_validator("temperature")
    @classmethod
    def only_the_likeliest(cls, given: float) -> float:
        """Refuse what would change how a transcript is written."""
        if given:
            raise ValueError("only 0 is supported: models here write the likeliest text")
        return given


@router.post("", operation_id="openai.audio.transcriptions", response_model=None)
async def transcribe(request: Request, who: Who, here: Here) -> Response:
    """Transcribe a recording: multipart/form-data with `file`, of at most 4 MiB, and `model`, a deployment.

    `response_format`: json, text, srt, vtt or verbose_json, which takes `timestamp_granularities[]`.
    """
    file = io.BytesIO()
    got = await receive_into(request, file, MOST_ASKED_BYTES)
    return await run_in_threadpool(_answer, here, who, _asked(got), file.getvalue())


def _asked(got: Received) -> Asked:
    """Read the fields; raises UsageError with the name of the first that means nothing here."""
    try:
        return Asked.model_validate({**got.fields, **got.lists})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "form"
        said = "it is not supported here" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(f"{where[:60]}: {said}.", remedy="Leave it out, or change it.") from None


def _answer(here: Platform, who: Caller, asked: Asked, content: bytes) -> Response:
    found = find(here, who, asked.model)
    if not isinstance(task_of(here, found.artifact).predict_out, TranscriptOut):
        raise cannot(here, found, "transcribe")
    if asked.timestamp_granularities and asked.response_format != VERBOSE:
        raise UsageError(f"timestamp_granularities goes with response_format {VERBOSE}.", remedy="Change one of them.")
    [told] = answer(here, who, found, [to_url(content)]).answers
    if "word" in asked.timestamp_granularities and "words" not in told:
        raise UsageError(f"The model {found.name!r} does not tell the times of words.", remedy="Ask for segments.")
    return _shown(told, asked)


def _shown(told: Told, asked: Asked) -> Response:
    if asked.response_format == "json":
        return JSONResponse({"text": told["text"]})
    if asked.response_format == VERBOSE:
        return JSONResponse(verbose(told, asked.timestamp_granularities or ("segment",)))
    written = {"text": _text, "srt": srt, "vtt": vtt}[asked.response_format](told)
    return PlainTextResponse(written)


def verbose(told: Told, wanted: Iterable[str]) -> dict[str, Any]:
    """Return a transcript with its times.

    What clients know of a segment and no model here tells is null; the language is what the model was taught.
    """
    nothing = dict.fromkeys(("avg_logprob", "compression_ratio", "no_speech_prob"))
    segments = [
        {"id": number, "seek": 0, "tokens": [], "temperature": 0.0, **nothing, **one}
        for number, one in enumerate(told["segments"])
    ]
    parts: dict[str, Any] = {"segment": {"segments": segments}, "word": {"words": told.get("words")}}
    head = {"task": "transcribe", "language": told.get("language"), "duration": told["seconds"], "text": told["text"]}
    return head | {key: value for name in wanted for key, value in parts[name].items()}


def _text(told: Told) -> str:
    return f"{told['text']}\n"


def srt(told: Told) -> str:
    r"""Return a transcript as SubRip subtitles.

    >>> srt({"segments": [{"start": 0.5, "end": 61.25, "text": "one two"}]})
    '1\n00:00:00,500 --> 00:01:01,250\none two\n\n'
    """
    return _captions(told, lambda number: f"{number}\n", ",")


def vtt(told: Told) -> str:
    r"""Return a transcript as WebVTT (W3C).

    >>> vtt({"segments": [{"start": 0.5, "end": 61.25, "text": "a < b & c"}]})
    'WEBVTT\n\n00:00:00.500 --> 00:01:01.250\na &lt; b &amp; c\n\n'
    """
    safe = [
        {**one, "text": one["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
        for one in told["segments"]
    ]
    return "WEBVTT\n\n" + _captions({"segments": safe}, lambda number: "", ".")


def _captions(told: Told, head: Callable[[int], str], mark: str) -> str:
    return "".join(
        f"{head(number)}{_clock(one['start'], mark)} --> {_clock(one['end'], mark)}\n{one['text']}\n\n"
        for number, one in enumerate(told["segments"], 1)
    )


def _clock(seconds: float, mark: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{thousandths:03}"
