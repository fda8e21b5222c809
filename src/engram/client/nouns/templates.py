"""Templates: a base model, data and a recipe, certified when they are registered."""

from __future__ import annotations

from typing import Any

from engram.client.nouns.noun import Noun, gives, returns


class Templates(Noun):
    """Templates of the server."""

    @gives
    def list(self) -> Any:
        """Iterate over the templates that you see, newest first."""
        yield from self._pages("/templates", {})

    @returns
    def get(self, template: str) -> Any:
        """Return a template with its whole recipe, by its id."""
        return (yield from self._get(f"/templates/{template}"))

    @returns
    def register(self, name: str, kind: str, source: str, **more: Any) -> Any:
        """Register a template and return it.

        more: task, revision, dataset or sample or hub, recipe, columns and set, as the API has them.
        Example: ``client.templates.register("mine", "language", "embedded:minilm", task="classify", dataset="mails")``.
        """
        body = {"name": name, "kind": kind, "source": source, **more}
        return (yield from self._post("/templates", body, makes=True))

    @returns
    def certificate(self, template: str) -> Any:
        """Return a template's certificate, a document that `engram verify` checks offline."""
        return (yield from self._get(f"/templates/{template}/certificate"))
