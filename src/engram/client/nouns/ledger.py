"""The ledger of the server: entries, the signed checkpoint, and proofs."""

from __future__ import annotations

from typing import Any

from engram.client.asking import ask
from engram.client.effects import Give, Send
from engram.client.nouns.noun import API, Noun, gives, returns

PAGE = 200


class Ledger(Noun):
    """The server's ledger."""

    @gives
    def entries(self, start: int = 0) -> Any:
        """Iterate over the entries in their order: ``for entry in client.ledger.entries(): print(entry["type"])``."""
        at: int | None = start
        while at is not None:
            page = yield from self._get("/ledger/entries", start=at, limit=PAGE)
            for item in page["items"]:
                yield Give(item)
            at = page["next"]

    @returns
    def checkpoint(self) -> Any:
        """Return the newest checkpoint, a signed note; keep it, and nobody can put an older ledger back unseen."""
        answer = yield from ask(Send("GET", f"{API}/ledger/checkpoint"), self._patience)
        return answer.content.decode()

    @returns
    def proof(self, index: int) -> Any:
        """Return an entry's leaf and the proof that the checkpoint covers it."""
        return (yield from self._get(f"/ledger/entries/{index}/proof"))
