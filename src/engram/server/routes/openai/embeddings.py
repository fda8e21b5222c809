"""/v1/embeddings: texts to vectors, by deployments whose task gives such; a model that gives none says what it does."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engram.errors import UsageError
from engram.schema.card import VectorOut
from engram.server.access import Here, Who
from engram.server.answering import answer
from engram.server.route import Router
from engram.server.routes.openai.models import cannot, find
from engram.server.tasks import task_of

router = Router(prefix="/v1/embeddings", tags=["openai"])
MOST_TEXTS = 256


class Texts(BaseModel):
    """What is to become vectors, and how they are sent."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=64, description="The name of a deployment.")
    input: str | list[str] = Field(description="A text, or several; tokens are not taken.")
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="base64: of float32, little-endian, as clients ask for by themselves."
    )
    dimensions: int | None = Field(default=None, ge=1, description="A length at which the model was trained to be cut.")
    user: str | None = Field(default=None, max_length=512, description="Taken, and not kept.")

    @model_validator(mode="before")
    @classmethod
    def nothing_is_null(cls, given: Any) -> Any:
        """Take what is null as not sent."""
        return {name: one for name, one in given.items() if one is not None} if isinstance(given, dict) else given

    @property
    def texts(self) -> list[str]:
        """The texts, one or several."""
        return [self.input] if isinstance(self.input, str) else self.input


@router.post("", operation_id="openai.embeddings")
def embed(asked: Texts, who: Who, here: Here) -> dict[str, Any]:
    """Answer each text with its vector."""
    if not 1 <= len(asked.texts) <= MOST_TEXTS:
        raise UsageError(f"input holds 1 to {MOST_TEXTS} texts, not {len(asked.texts)}.")
    found = find(here, who, asked.model)
    if not isinstance(task_of(here, found.artifact).predict_out, VectorOut):
        raise cannot(here, found, "give embeddings")
    told = list(answer(here, who, found, asked.texts).answers)
    vectors = [cut(one["vector"], asked.dimensions, one.get("cuts", ())) for one in told]
    shown = [packed(one) for one in vectors] if asked.encoding_format == "base64" else vectors
    tokens = sum(one.get("tokens", 0) for one in told)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(shown)],
        "model": asked.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def cut(vector: Sequence[float], wanted: int | None, cuts: Sequence[int]) -> list[float]:
    """Return a vector, or the beginning of it at length one.

    Raises UsageError for a length at which the model's vectors were not trained to end.

    >>> cut([3.0, 4.0, 12.0], 2, (2,))
    [0.6, 0.8]
    """
    if wanted is None or wanted == len(vector):
        return list(vector)
    if wanted not in cuts:
        known = ", ".join(map(str, [*sorted(cuts), len(vector)]))
        raise UsageError(
            f"dimensions: the vectors of this model can't end after {wanted} numbers.", remedy=f"Known: {known}."
        )
    begun = vector[:wanted]
    length = math.sqrt(sum(one * one for one in begun)) or 1.0
    return [one / length for one in begun]


def packed(vector: Sequence[float]) -> str:
    """Return a vector as base64 of float32, little-endian.

    >>> packed([1.0])
    'AACAPw=='
    """
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
