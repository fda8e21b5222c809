"""What chats and completions have in common: what may be asked, what is refused, how many tokens it took.

Models here write the likeliest text, so parameters that would change that are refused in words and never ignored; those
that ask for what happens anyway (``temperature: 0``, ``n: 1``) are taken.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engram.schema.options import Options
from engram.server.access import Here

MOST_STOPS = 4
GREEDY: Mapping[str, Any] = {
    "n": 1,
    "best_of": 1,
    "temperature": 0,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "echo": False,
}


class StreamOptions(BaseModel):
    """What a stream carries besides pieces."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False


class Asked(BaseModel):
    """The parameters of both; nothing that is sent is ignored, except what names the caller's own user and seed."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=64, description="The name of a deployment.")
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: str | list[str] | None = None
    seed: int | None = Field(default=None, description="Taken, and without effect: the same question, the same answer.")
    user: str | None = Field(default=None, max_length=512, description="Taken, and not kept.")
    max_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    n: int | None = None
    temperature: float | None = Field(default=None, description="0 or nothing: models here write the likeliest text.")
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | int | None = None

    @model_validator(mode="before")
    @classmethod
    def nothing_is_null(cls, given: Any) -> Any:
        """Take what is null as not sent."""
        return {name: one for name, one in given.items() if one is not None} if isinstance(given, dict) else given

    @field_validator(*(name for name in GREEDY if name not in ("best_of", "echo")))
    @classmethod
    def only_greedy(cls, given: Any, info: Any) -> Any:
        """Refuse what would change how a text is written."""
        return refuse_other(str(info.field_name), given)

    @field_validator("stop")
    @classmethod
    def some_stops(cls, given: Any) -> Any:
        """Refuse stop texts that are empty or too many."""
        stops = [given] if isinstance(given, str) else given
        if len(stops) > MOST_STOPS or not all(stops):
            raise ValueError(f"stop takes 1 to {MOST_STOPS} texts that are not empty")
        return given

    @property
    def options(self) -> Options:
        """What is asked beside the input."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Options(max_new_tokens=self.most_new, stop=tuple(stops))

    @property
    def most_new(self) -> int | None:
        """The most tokens of an answer; None leaves it to the recipe."""
        return self.max_tokens


def refuse_other(name: str, given: Any) -> Any:
    """Return a parameter when it asks for what happens anyway; raises ValueError otherwise."""
    if given not in (None, GREEDY[name]):
        raise ValueError(f"only {GREEDY[name]!r} is supported: models here write the likeliest text, once")
    return given


def new_id(prefix: str) -> str:
    """Return the id of an answer; nothing is kept under it."""
    return f"{prefix}-{secrets.token_hex(12)}"


def now(here: Here) -> int:
    """Return the time in seconds since 1970."""
    return int(here.clock())


def usage(answers: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the tokens that were read and written.

    >>> usage([{"prompt_tokens": 3, "completion_tokens": 4}, {"prompt_tokens": 1, "completion_tokens": 0}])
    {'prompt_tokens': 4, 'completion_tokens': 4, 'total_tokens': 8}
    """
    read, written = zip(*((one["prompt_tokens"], one["completion_tokens"]) for one in answers), strict=True)
    return {
        "prompt_tokens": sum(read),
        "completion_tokens": sum(written),
        "total_tokens": sum(read) + sum(written),
    }


Finish = Literal["stop", "length"]
