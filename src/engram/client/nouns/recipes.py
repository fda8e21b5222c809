"""Recipes: the shipped ones, and those that people save."""

from __future__ import annotations

from typing import Any

from engram.client.nouns.noun import Noun, gives, returns


class Recipes(Noun):
    """Recipes of the server."""

    @gives
    def list(self) -> Any:
        """Iterate over the recipes that you see, the shipped ones first."""
        yield from self._pages("/recipes", {})

    @returns
    def get(self, name: str) -> Any:
        """Return a recipe with its text, the newest version. Example: ``client.recipes.get("quickstart")["text"]``."""
        return (yield from self._get(f"/recipes/{name}"))

    @returns
    def save(self, text: str, *, after: int | None = None) -> Any:
        """Save a recipe's text as the next version of the name in it, and return that version.

        after: the version that you began with; another one since then is a Conflict.
        """
        return (yield from self._post("/recipes", {"text": text, "after": after}, harmless=after is None))
