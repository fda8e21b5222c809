"""Datasets, and files on their way to become one: sent in pieces, and gone on with where they broke off."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from engram import files
from engram.client.asking import ask, ask_json
from engram.client.effects import Pause, Send, Steps, Work
from engram.client.nouns.noun import API, Noun, gives, returns
from engram.errors import Conflict, NotFound, ServerAway

PIECE_BYTES = 8 * 2**20
PURPOSE = "dataset"
TRIES, WAIT_SECONDS = 5, 0.5


class Datasets(Noun):
    """Datasets of the server."""

    @gives
    def list(self) -> Any:
        """Iterate over the datasets that you see, newest first."""
        yield from self._pages("/datasets", {})

    @returns
    def get(self, dataset: str) -> Any:
        """Return a dataset: its digest, its rows, what was found in it."""
        return (yield from self._get(f"/datasets/{dataset}"))

    @returns
    def upload(
        self, path: str | os.PathLike[str], *, name: str = "", license: str = "", format: str = "auto", **read: Any
    ) -> Any:
        """Send a file in pieces and return the dataset that it became.

        read: how it is read, where looking at it is not enough: delimiter, header, quoting, paragraphs.
        A call that broke off is gone on with by the same call: what has arrived is not sent again.
        Example: ``client.datasets.upload("tickets.csv", license="own")["id"]``.

        Raises NotFound when there is no such file, and what the server tells about it.
        """
        file = Path(path)
        if not file.is_file():
            raise NotFound(f"There is no file {file}.")
        digest, size = yield Work(lambda: (files.sha256_file(file), file.stat().st_size))
        upload = yield from self._begun(file.name, size, digest)
        if upload["state"] == "open":
            yield from self._send_pieces(file, upload)
        body = {"name": name or file.stem, "license": license, "format": format, **read}
        done = yield from self._post(f"/uploads/{upload['id']}/finish", body, harmless=True)
        return done[PURPOSE]

    def _begun(self, name: str, size: int, digest: str) -> Steps:
        """Return the upload of this content that is open, or a new one."""
        page = yield from self._get("/uploads", state="open")
        for one in page["items"]:
            if (one["digest"], one["size"], one["purpose"]) == (digest, size, PURPOSE):
                return one
        body = {"purpose": PURPOSE, "name": name, "size": size, "digest": digest}
        return (yield from self._post("/uploads", body, makes=True))

    def _send_pieces(self, file: Path, upload: dict[str, Any]) -> Steps:
        """Send what is missing; where a piece goes astray the server says how much has arrived."""
        received, failures = int(upload["received"]), 0
        while received < upload["size"]:
            piece = yield Work(partial(_read, file, received))
            wish = Send("PATCH", f"{API}/uploads/{upload['id']}", content=piece, headers=_headers(received))
            try:
                yield from ask(wish, self._patience, repeatable=False)
                failures = 0
            except (Conflict, ServerAway):
                failures += 1
                if failures > TRIES:
                    raise
                yield Pause(WAIT_SECONDS)
            found = yield from ask_json(Send("GET", f"{API}/uploads/{upload['id']}"), self._patience)
            received = int(found["received"])


def _read(file: Path, offset: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(PIECE_BYTES)


def _headers(offset: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
