"""/v1/embeddings: answered by deployments whose kind gives vectors; a model that gives none says what it does."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.routes.openai.models import cannot, find

router = Router(prefix="/v1/embeddings", tags=["openai"])


class Texts(BaseModel):
    """What is to become vectors."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(max_length=64, description="The name of a deployment.")
    input: Any


@router.post("", operation_id="openai.embeddings")
def embed(asked: Texts, who: Who, here: Here) -> dict[str, Any]:
    """Refuse in words: no kind gives vectors, and a vector of something else would be worse than none."""
    raise cannot(here, find(here, who, asked.model), "give embeddings")
