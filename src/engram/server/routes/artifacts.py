"""Artifacts: what runs published, with their certificates."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from engram.artifacts.check import check_payload
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import opened
from engram.artifacts.store import folder_of
from engram.errors import NotFound, Refused
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.sealed import send
from engram.server.shapes.artifacts import ArtifactList, ArtifactOut, Checked
from engram.server.versions import IfMatch, tag, version_of
from engram.store.pages import USUAL
from engram.store.records import artifacts
from engram.store.records.artifacts import Artifact
from engram.store.times import from_micros

router = Router(prefix="/api/v1/artifacts", tags=["artifacts"])


class Sharing(BaseModel):
    """Whether everybody here may see it and deploy it."""

    model_config = ConfigDict(extra="forbid")

    shared: bool


class Pinning(BaseModel):
    """Whether it is kept, so that it can't be deleted."""

    model_config = ConfigDict(extra="forbid")

    pinned: bool


@router.get("", operation_id="artifacts.list")
def listed(who: Who, here: Here, after: str | None = None, limit: int = USUAL, kind: str | None = None) -> ArtifactList:
    """List artifacts, newest first."""
    with here.db.read() as tx:
        page = artifacts.list_artifacts(tx, who.asks(after, limit, equal={"kind": kind}))
    return ArtifactList(items=[shown(one) for one in page.items], next=page.next)


@router.get("/{digest}", operation_id="artifacts.read")
def read(digest: str, who: Who, here: Here, response: Response) -> ArtifactOut:
    """Return one artifact."""
    found = find(here, who, digest)
    tag(response, found.version)
    return shown(found)


@router.put("/{digest}/share", operation_id="artifacts.share")
def share(
    digest: str, asked: Sharing, who: Who, here: Here, response: Response, if_match: IfMatch = None
) -> ArtifactOut:
    """Let everybody here see and deploy an artifact, or nobody else any more."""
    find(here, who, digest)
    with here.db.write() as tx:
        made = artifacts.change_artifact(tx, digest, version=version_of(if_match), shared=asked.shared)
    tag(response, made.version)
    return shown(made)


@router.put("/{digest}/pin", operation_id="artifacts.pin")
def pin(digest: str, asked: Pinning, who: Who, here: Here, response: Response, if_match: IfMatch = None) -> ArtifactOut:
    """Keep an artifact, or no longer."""
    find(here, who, digest)
    with here.db.write() as tx:
        made = artifacts.change_artifact(tx, digest, version=version_of(if_match), pinned=asked.pinned)
    tag(response, made.version)
    return shown(made)


@router.delete("/{digest}", operation_id="artifacts.delete", status_code=204)
def delete(digest: str, who: Who, here: Here, if_match: IfMatch = None) -> None:
    """Take an artifact out of sight, so that it can't be deployed any more; what is certified stays on the disk."""
    found = find(here, who, digest)
    if found.pinned:
        raise Refused(f"Artifact {digest} is pinned; it can't be deleted.", remedy="Unpin it first.")
    with here.db.write() as tx:
        artifacts.delete_artifact(tx, digest, version=version_of(if_match))


@router.get("/{digest}/certificate", operation_id="certificates.read")
def certificate(digest: str, who: Who, here: Here) -> FileResponse:
    """Return an artifact's certificate, which anyone can verify offline."""
    path = folder_of(here.home / "artifacts", find(here, who, digest).digest) / "certificate.json"
    if not path.is_file():
        raise NotFound(f"Artifact {digest} has no certificate.")
    return FileResponse(path, media_type="application/json")


@router.get("/{digest}/check", operation_id="artifacts.verify")
def checked(digest: str, who: Who, here: Here) -> Checked:
    """Look at each file of an artifact again: is it what the manifest says?"""
    folder = folder_of(here.home / "artifacts", find(here, who, digest).digest)
    with opened(folder, HomeKeys(here.home)) as plain:
        found = [asdict(one) for one in check_payload(plain, (plain / "manifest.json").read_bytes())]
    return Checked.model_validate({"ok": all(one["ok"] for one in found), "checks": found})


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
    return who.touch(found if found and found.deleted is None else None, f"artifact {digest}")


def shown(one: Artifact) -> ArtifactOut:
    """Return an artifact as the API shows it."""
    said = {name: value for name, value in asdict(one).items() if name in ArtifactOut.model_fields}
    return ArtifactOut(**{**said, "created": from_micros(one.created), "updated": from_micros(one.updated)})
