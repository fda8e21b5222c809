"""Deployments: names under which artifacts answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engram.client.asking import give_lines
from engram.client.effects import Send
from engram.client.nouns.noun import API, Noun, gives, returns


class Deployments(Noun):
    """Deployments of the server."""

    @gives
    def list(self) -> Any:
        """Iterate over the deployments that you see, newest first."""
        yield from self._pages("/deployments", {})

    @returns
    def get(self, name: str) -> Any:
        """Return a deployment and its history."""
        return (yield from self._get(f"/deployments/{name}"))

    @returns
    def create(self, name: str, artifact: str, *, simulate: str = "enforced") -> Any:
        """Let an artifact answer under a new name. Example: ``client.deployments.create("tickets", digest)``.

        simulate: ``advisory`` deploys also what does not bear its load test; only Admins may ask for it.
        """
        path = f"/deployments?simulate={simulate}"
        return (yield from self._post(path, {"name": name, "artifact": artifact}, makes=True))

    @returns
    def promote(
        self, name: str, artifact: str, *, version: int | None = None, reason: str = "", simulate: str = "enforced"
    ) -> Any:
        """Let another artifact answer under a name; `simulate` as for `create`.

        version: the one that you read, so that two changes can't cross; without it the one that is there now.
        """
        body = {"artifact": artifact, "version": (yield from self._version(name, version)), "reason": reason}
        return (yield from self._post(f"/deployments/{name}/promote?simulate={simulate}", body))

    @returns
    def rollback(self, name: str, *, version: int | None = None, reason: str = "") -> Any:
        """Let the artifact answer that answered before the present one; `version` as for `promote`."""
        body = {"version": (yield from self._version(name, version)), "reason": reason}
        return (yield from self._post(f"/deployments/{name}/rollback", body))

    @returns
    def predict(
        self,
        name: str,
        inputs: Sequence[Any],
        *,
        max_input_tokens: int | None = None,
        max_new_tokens: int | None = None,
        stop: Sequence[str] = (),
    ) -> Any:
        """Return the answers to inputs, in their order: ``client.deployments.predict("tickets", ["Where is it?"])``.

        max_input_tokens: longer inputs are refused with UsageError. max_new_tokens, stop: for tasks that write text.
        """
        body = _asked(inputs, max_input_tokens, max_new_tokens, stop)
        found = yield from self._post(f"/deployments/{name}/predict", body, harmless=True)
        return found["answers"]

    @gives
    def stream(
        self,
        name: str,
        inputs: Sequence[Any],
        *,
        max_input_tokens: int | None = None,
        max_new_tokens: int | None = None,
        stop: Sequence[str] = (),
    ) -> Any:
        """Iterate over the pieces of text as they are written, then each answer.

        Each item has ``input``, and ``piece`` or ``answer``; parameters as for `predict`.
        """
        body = _asked(inputs, max_input_tokens, max_new_tokens, stop)
        yield from give_lines(Send("POST", f"{API}/deployments/{name}/stream", body), self._patience)

    def _version(self, name: str, given: int | None) -> Any:
        if given is not None:
            return given
        return (yield from self._get(f"/deployments/{name}"))["version"]


def _asked(
    inputs: Sequence[Any], most_read: int | None, most_written: int | None, stop: Sequence[str]
) -> dict[str, Any]:
    said = {"max_input_tokens": most_read, "max_new_tokens": most_written, "stop": list(stop) or None}
    return {"inputs": list(inputs), **{name: value for name, value in said.items() if value is not None}}
