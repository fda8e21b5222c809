"""/v1/chat/completions: a conversation, written down by the model's own template, and what the model answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from engram.server.access import Here, Who
from engram.server.answering import answer, write
from engram.server.route import Router
from engram.server.routes.openai.asked import Asked, new_id, now, usage
from engram.server.routes.openai.models import find_writer
from engram.server.streaming import begun, server_sent

router = Router(prefix="/v1/chat/completions", tags=["openai"])
MOST_MESSAGES = 1000


class TextPart(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One message; of content in parts, texts are taken."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = Field(default=None, description="Taken, and not written down.")

    def plain(self) -> dict[str, str]:
        """Return the message as templates take it; what a developer says is the system's."""
        said = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": said}


class ResponseFormat(BaseModel):
    """The shape of the answer's text: there is one."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]


class Chat(Asked):
    """A chat."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    max_completion_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    response_format: ResponseFormat | None = None
    store: Literal[False] | None = None

    @model_validator(mode="after")
    def one_limit(self) -> Chat:
        """Refuse two limits that say two things."""
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            raise ValueError("max_tokens and max_completion_tokens say two things")
        return self

    @property
    def most_new(self) -> int | None:
        """The most tokens of an answer; None leaves it to the recipe."""
        return self.max_completion_tokens or self.max_tokens


@router.post("", operation_id="openai.chat.completions", response_model=None)
def chat(asked: Chat, who: Who, here: Here) -> StreamingResponse | dict[str, Any]:
    """Answer a conversation."""
    found = find_writer(here, who, asked.model)
    given = {"messages": [one.plain() for one in asked.messages]}
    head = {"id": new_id("chatcmpl"), "created": now(here), "model": asked.model}
    if asked.stream:
        said = write(here, who, found, given, asked.options).said
        wanted = asked.stream_options is not None and asked.stream_options.include_usage
        return StreamingResponse(server_sent(begun(_chunks(head, said, wanted))), media_type="text/event-stream")
    [told] = answer(here, who, found, [given], asked.options).answers
    message = {"role": "assistant", "content": told["text"], "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": told["finish_reason"], "logprobs": None}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage([told])}


def _chunks(head: dict[str, Any], said: Iterator[str | dict[str, Any]], with_usage: bool) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return {**head, "object": "chat.completion.chunk", "choices": [choice], **more}

    more = {"usage": None} if with_usage else {}
    first: dict[str, Any] = {"role": "assistant", "content": ""}
    for piece in said:
        if isinstance(piece, str):
            yield chunk({**first, "content": piece})
            first = {}
            continue
        yield chunk(first, piece["finish_reason"])
        if with_usage:
            yield {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage([piece])}
