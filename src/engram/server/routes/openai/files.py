"""/v1/files: training files, each a dataset of the home."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from engram import files
from engram.errors import NotFound, UnknownName, UsageError
from engram.schema.recipe import Source
from engram.server import datasets as material
from engram.server.access import Caller, Here, Who
from engram.server.multipart import Received, receive
from engram.server.platform import Platform
from engram.server.route import Router
from engram.server.routes.openai.pages import cursor_of, listing
from engram.server.sealed import send_content
from engram.server.training_rows import read_rows
from engram.server.uploads import admit
from engram.store.pages import MOST, Ask
from engram.store.records import datasets
from engram.store.records.datasets import Dataset

router = Router(prefix="/v1/files", tags=["openai"])
FileId = Annotated[str, Path(max_length=64)]
PURPOSE, FORMAT = "fine-tune", "jsonl"
MOST_FILE_BYTES = 512 * 2**20
LEFT_SECONDS = 24 * 3600


@router.post("", operation_id="openai.files.create")
async def create(request: Request, who: Who, here: Here) -> dict[str, Any]:
    """Take a training file: multipart/form-data with `purpose` (fine-tune) and `file`, JSON lines."""
    place = await run_in_threadpool(_room, here, who.principal.user, int(request.headers.get("content-length", 0)))
    try:
        got = await receive(request, place / "file", MOST_FILE_BYTES)
        return shown(await run_in_threadpool(_keep, here, who, got, place / "file"))
    finally:
        await run_in_threadpool(shutil.rmtree, place, True)


@router.get("", operation_id="openai.files.list")
def listed(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = MOST,
    purpose: str | None = None,
) -> dict[str, Any]:
    """List the training files that the caller sees, newest first."""
    with here.db.read() as tx:
        last = None if after is None else find(here, who, after)
        ask = Ask(who.visible_to, cursor_of("datasets", last), min(limit, MOST), equal={"format": FORMAT})
        page = datasets.list_datasets(tx, ask)
    return listing(page, shown) if purpose in (None, PURPOSE) else listing(type(page)(()), shown)


@router.get("/{file}", operation_id="openai.files.read")
def read(file: FileId, who: Who, here: Here) -> dict[str, Any]:
    """Return one file."""
    return shown(find(here, who, file))


@router.get("/{file}/content", operation_id="openai.files.content")
def content(file: FileId, who: Who, here: Here) -> Response:
    """Return what is in a file."""
    found = find(here, who, file)
    return send_content(here, found, found.name, "application/jsonl")


@router.delete("/{file}", operation_id="openai.files.delete")
def delete(file: FileId, who: Who, here: Here) -> dict[str, Any]:
    """Delete a file; `engram gc` removes its content when nothing refers to it."""
    found = find(here, who, file)
    material.remove(here, found, who.principal.user)
    return {"id": found.id, "object": "file", "deleted": True}


def find(here: Platform, who: Caller, file: str) -> Dataset:
    """Return a file that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        try:
            found: Dataset | None = datasets.get_dataset(tx, file)
        except NotFound:
            found = None
    if found is not None and (found.deleted is not None or found.format != FORMAT):
        found = None
    return who.touch(found, f"file {file!r}")


def shown(one: Dataset) -> dict[str, Any]:
    """Return a dataset as a file."""
    made = {"created_at": one.created // 1_000_000, "expires_at": None, "status": "processed"}
    return {"id": one.id, "object": "file", "bytes": one.bytes, "filename": one.name, "purpose": PURPOSE, **made}


def _room(here: Platform, owner: str, size: int) -> File:
    """Refuse what a quota or the disk has no room for; return an empty folder for it otherwise."""
    coming = here.home / "uploads"
    coming.mkdir(parents=True, exist_ok=True)
    for old in coming.glob(".file-*"):  # of a server that was killed while one arrived
        if time.time() - old.stat().st_mtime > LEFT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    with here.db.read() as tx:
        admit(tx, here.home, owner, size)
    return File(tempfile.mkdtemp(prefix=".file-", dir=coming))


def _keep(here: Platform, who: Caller, got: Received, path: File) -> Dataset:
    if got.fields.get("purpose") != PURPOSE:
        raise UnknownName.of("purpose", got.fields.get("purpose", "")[:60], [PURPOSE])
    if unknown := {*got.fields, *got.lists} - {"purpose"}:
        raise UsageError(f"The field {min(unknown)[:60]!r} is not supported.", remedy="Send purpose and file.")
    name = File(got.name.replace("\\", "/")).name[:200] or "file"
    rows = read_rows(path, name)
    source = Source(format=FORMAT, license="own")
    what = material.keep(here, path, source, material.check_file(path, name, source), files.sha256_file(path))
    body = {**what.pop("body"), "form": rows.form, "purpose": PURPOSE}
    with here.writing, here.db.write() as tx:  # such clients send many files of one name
        return material.enter(tx, here, who.principal.user, name, "own", {**what, "body": body})
