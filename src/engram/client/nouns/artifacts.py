"""Artifacts: what runs published, and their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from engram import files
from engram.artifacts.check import check_payload
from engram.artifacts.manifest import parse_manifest
from engram.artifacts.paths import CERTIFICATE, MANIFEST, check_path
from engram.client.asking import ask
from engram.client.effects import More, Send, Steps, Unreached, Work
from engram.client.nouns.noun import API, Noun, gives, returns
from engram.errors import Conflict, ServerAway, VerificationFailed


class Artifacts(Noun):
    """Artifacts of the server."""

    @gives
    def list(self, *, kind: str | None = None) -> Any:
        """Iterate over the artifacts that you see, newest first."""
        yield from self._pages("/artifacts", {"kind": kind})

    @returns
    def get(self, digest: str) -> Any:
        """Return an artifact: its run, its metrics, its size."""
        return (yield from self._get(f"/artifacts/{digest}"))

    @returns
    def certificate(self, digest: str) -> Any:
        """Return an artifact's certificate; `engram verify` checks it offline."""
        return (yield from self._get(f"/artifacts/{digest}/certificate"))

    @returns
    def check(self, digest: str) -> Any:
        """Let the server look at each file of an artifact again, and return what it found."""
        return (yield from self._get(f"/artifacts/{digest}/check"))

    @returns
    def download(self, digest: str, folder: str | os.PathLike[str]) -> Any:
        """Bring an artifact's files into a new folder and return its path; it appears whole or not at all.

        Every file is compared with the manifest, and the manifest with the digest that was asked for: a server that
        sends something else is not believed. Example: ``client.artifacts.download(digest, "my-model")``.

        Raises Conflict when the folder exists, VerificationFailed for files that are not what the digest says.
        """
        target = Path(folder)
        if target.exists():
            raise Conflict(f"{target} exists already.", remedy="Name a new folder.")
        with files.new_folder(target) as making:
            for name in (MANIFEST, CERTIFICATE):
                yield from self._fetch(digest, name, making)
            content = (making / MANIFEST).read_bytes()
            manifest = parse_manifest(content)
            if manifest.digest != digest:
                raise VerificationFailed(f"The server sent the artifact {manifest.digest}, not {digest}.")
            for one in manifest.files:
                yield from self._fetch(digest, check_path(one.path), making)
            checks = yield Work(lambda: list(check_payload(making, content)))
            bad = [f"{one.name}: {one.detail}" for one in checks if not one.ok]
            if bad:
                raise VerificationFailed(f"The files are not what the manifest says: {' '.join(bad)}")
        return target

    def _fetch(self, digest: str, name: str, making: Path) -> Steps:
        path = making / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield from ask(Send("GET", f"{API}/artifacts/{digest}/files/{name}", stream=True), self._patience)
            yield from _keep(file)


def _keep(file: BinaryIO) -> Steps:
    try:
        while (piece := (yield More())) is not None:
            file.write(piece)
    except Unreached as error:
        raise ServerAway(f"A file broke off: {error}.", remedy="Ask again.") from None
