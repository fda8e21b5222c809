"""What can be trained, as the API shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class KindList(BaseModel):
    """The kinds of model, each with its card."""

    items: list[dict[str, Any]]
    next: str | None


class RecipeOut(BaseModel):
    """A recipe. number: its version, 0 for one that is shipped; created is empty there too."""

    name: str
    number: int
    title: str
    kind: str
    task: str
    owner: str
    digest: str = ""
    use: str = ""
    category: str = ""
    created: str | None = None


class RecipeList(BaseModel):
    """A page of recipes; `next` continues the list."""

    items: list[RecipeOut]
    next: str | None


class RecipeText(RecipeOut):
    """A recipe with its text."""

    text: str
