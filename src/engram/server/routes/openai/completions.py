"""/v1/completions: a prompt, put into the model's own template as in its training, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import Field, field_validator

from engram.errors import UsageError
from engram.server.access import Here, Who
from engram.server.answering import answer, write
from engram.server.route import Router
from engram.server.routes.openai.asked import Asked, new_id, now, refuse_other, usage
from engram.server.routes.openai.models import find_writer
from engram.server.streaming import begun, server_sent

router = Router(prefix="/v1/completions", tags=["openai"])
MOST_PROMPTS = 64


class Completion(Asked):
    """One prompt or several; each gives one choice."""

    prompt: str | list[str] = Field(description="A text, or several; tokens are not taken.")
    best_of: int | None = None
    echo: bool | None = None

    @field_validator("best_of", "echo")
    @classmethod
    def once_and_alone(cls, given: Any, info: Any) -> Any:
        """Refuse what would write more than the answer."""
        return refuse_other(str(info.field_name), given)

    @property
    def prompts(self) -> list[str]:
        """The prompts, one or several."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


@router.post("", operation_id="openai.completions", response_model=None)
def complete(asked: Completion, who: Who, here: Here) -> StreamingResponse | dict[str, Any]:
    """Answer prompts."""
    if not 1 <= len(asked.prompts) <= MOST_PROMPTS:
        raise UsageError(f"prompt holds 1 to {MOST_PROMPTS} texts, not {len(asked.prompts)}.")
    found = find_writer(here, who, asked.model)
    head = {"id": new_id("cmpl"), "object": "text_completion", "created": now(here), "model": asked.model}
    if asked.stream:
        said = (
            (at, one) for at, p in enumerate(asked.prompts) for one in write(here, who, found, p, asked.options).said
        )
        wanted = asked.stream_options is not None and asked.stream_options.include_usage
        return StreamingResponse(server_sent(begun(_chunks(head, said, wanted))), media_type="text/event-stream")
    told = list(answer(here, who, found, asked.prompts, asked.options).answers)
    choices = [_choice(at, one["text"], one["finish_reason"]) for at, one in enumerate(told)]
    return {**head, "choices": choices, "usage": usage(told)}


def _choice(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "text": text, "finish_reason": finish, "logprobs": None}


def _chunks(
    head: dict[str, Any], said: Iterator[tuple[int, str | dict[str, Any]]], with_usage: bool
) -> Iterator[dict[str, Any]]:
    answers, more = [], {"usage": None} if with_usage else {}
    for index, piece in said:
        if isinstance(piece, str):
            yield {**head, "choices": [_choice(index, piece)], **more}
        else:
            answers.append(piece)
            yield {**head, "choices": [_choice(index, "", piece["finish_reason"])], **more}
    if with_usage:
        yield {**head, "choices": [], "usage": usage(answers)}
