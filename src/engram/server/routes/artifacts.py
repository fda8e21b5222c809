"""Artifacts: what runs published, with their certificates."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from engram.artifacts.check import check_payload
from engram.artifacts.opened import opened
from engram.artifacts.store import folder_of
from engram.errors import NotFound
from engram.security.at_rest import HomeKeys
from engram.server.access import Here, Who
from engram.server.sealed import send
from engram.store.pages import USUAL, Ask
from engram.store.records import artifacts
from engram.store.records.artifacts import Artifact
from engram.store.times import from_micros

router = APIRouter(prefix="/api/v1/artifacts", tags=["artifacts"])


@router.get("", operation_id="artifacts.list")
def listed(
    who: Who, here: Here, after: str | None = None, limit: int = USUAL, kind: str | None = None
) -> dict[str, Any]:
    """List artifacts, newest first."""
    with here.db.read() as tx:
        page = artifacts.list_artifacts(tx, Ask(who.visible_to, after, limit, equal={"kind": kind}))
    return {"items": [shown(one) for one in page.items], "next": page.next}


@router.get("/{digest}", operation_id="artifacts.read")
def read(digest: str, who: Who, here: Here) -> dict[str, Any]:
    """Return one artifact."""
    return shown(find(here, who, digest))


@router.get("/{digest}/certificate", operation_id="certificates.read")
def certificate(digest: str, who: Who, here: Here) -> FileResponse:
    """Return an artifact's certificate, which anyone can verify offline."""
    found = find(here, who, digest)
    return FileResponse(
        folder_of(here.home / "artifacts", found.digest) / "certificate.json", media_type="application/json"
    )


@router.get("/{digest}/check", operation_id="artifacts.verify")
def checked(digest: str, who: Who, here: Here) -> dict[str, Any]:
    """Look at each file of an artifact again: is it what the manifest says?"""
    folder = folder_of(here.home / "artifacts", find(here, who, digest).digest)
    with opened(folder, HomeKeys(here.home)) as plain:
        found = [asdict(one) for one in check_payload(plain, (plain / "manifest.json").read_bytes())]
    return {"ok": all(one["ok"] for one in found), "checks": found}


@router.get("/{digest}/files/{path:path}", operation_id="artifacts.download")
def download(digest: str, path: str, who: Who, here: Here) -> Response:
    """Return one file of an artifact: one that its manifest names, the manifest itself or the certificate."""
    return send(folder_of(here.home / "artifacts", find(here, who, digest).digest), path, HomeKeys(here.home))


def find(here: Here, who: Who, digest: str) -> Artifact:
    """Return an artifact that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        try:
            found = artifacts.get_artifact(tx, digest)
        except NotFound:
            found = None
    return who.touch(found, f"artifact {digest}")


def shown(one: Artifact) -> dict[str, Any]:
    """Return an artifact as the API shows it."""
    said = asdict(one)
    return {**said, "created": from_micros(one.created), "updated": from_micros(one.updated)}
