"""Uploads: a file begun, sent in pieces, gone on with after a break, and finished into what it is for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from engram.data.blocks import HEAD_BYTES
from engram.errors import DataError, UnknownName
from engram.schema.recipe import Source
from engram.server import uploads as arriving
from engram.server.access import Here, Who
from engram.server.once import Key, once
from engram.server.problems import problem
from engram.server.purposes import PURPOSES, Given, Purpose
from engram.server.route import Router
from engram.server.shapes.datasets import UploadDone, UploadList, UploadOut
from engram.store.pages import USUAL, Ask
from engram.store.records import uploads
from engram.store.records.uploads import Upload
from engram.store.times import from_micros

router = Router(prefix="/api/v1/uploads", tags=["uploads"])
MOST_BYTES = 1 << 40
OFFSET = "Upload-Offset"


class NewUpload(BaseModel):
    """A file that will come. name: a label, never a place; digest: what the whole must have, ``sha256:…``."""

    model_config = ConfigDict(extra="forbid")

    purpose: str = Field(description="What it is for: dataset.", max_length=40)
    name: str = Field(max_length=400)
    size: int = Field(ge=1, le=MOST_BYTES)
    digest: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")


class Finish(BaseModel):
    """What is said about a file that has arrived; how it is read is found by looking, where nothing is said."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=400)
    license: str = Field(default="", max_length=100)
    format: str = Field(default="auto", max_length=40)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    header: list[Annotated[str, Field(max_length=1000)]] | None = Field(default=None, min_length=1, max_length=4096)
    quoting: bool = True
    paragraphs: bool = False


@router.post("", operation_id="uploads.create", response_model=UploadOut, status_code=201)
def create(asked: NewUpload, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Begin an upload; the quota is looked at now, for the whole file."""
    purpose = _purpose(asked.purpose)
    who.to(purpose.operation).require("upload", None)
    purpose.check_name(asked.name)
    arriving.sweep(here)
    owner = who.principal.user

    def make() -> dict[str, Any]:
        arriving.admit(tx, here.home, owner, asked.size)
        made = uploads.create_upload(
            tx,
            owner=owner,
            purpose=asked.purpose,
            name=asked.name,
            size=asked.size,
            digest=asked.digest,
            seconds=arriving.KEPT_SECONDS,
        )
        return shown(made)

    with here.db.write() as tx:
        begun: dict[str, Any] = once(tx, who, key, asked, make)
    return begun


@router.get("", operation_id="uploads.list", response_model=UploadList)
def listed(
    who: Who, here: Here, after: str | None = None, limit: int = USUAL, state: str | None = None
) -> dict[str, Any]:
    """List one's own uploads, newest first."""
    with here.db.read() as tx:
        page = uploads.list_uploads(tx, Ask(who.visible_to, after, limit, equal={"state": state}))
    return {"items": [shown(one) for one in page.items], "next": page.next}


@router.get("/{upload}", operation_id="uploads.read", response_model=UploadOut)
def read(upload: str, who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Say how much has arrived: where to go on."""
    found = find(here, who, upload)
    response.headers[OFFSET] = str(found.received)
    return shown(found)


@router.patch("/{upload}", operation_id="uploads.write", response_model=UploadOut)
async def write(
    upload: str,
    who: Who,
    here: Here,
    request: Request,
    response: Response,
    offset: Annotated[int, Header(alias=OFFSET, ge=0, description="Where the piece begins.")],
) -> Any:
    """Add one piece of at most 8 MiB, as application/octet-stream; what is acknowledged is on the disk."""
    found = await run_in_threadpool(find, here, who, upload)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/octet-stream":
        return problem(request, 415, "Send the piece's bytes as application/octet-stream.")
    content = await _body(request)
    if content is None:
        return problem(request, 413, f"A piece has at most {arriving.PIECE_BYTES} bytes.")
    try:
        moved = await run_in_threadpool(_add, here, found, offset, content)
    except arriving.WrongPlace as error:
        answer = problem(request, 409, error.message, error="Conflict", remedy=error.remedy, received=error.received)
        answer.headers[OFFSET] = str(error.received)
        return answer
    response.headers[OFFSET] = str(moved.received)
    return shown(moved)


@router.post(
    "/{upload}/finish", operation_id="uploads.finish", response_model=UploadDone, response_model_exclude_unset=True
)
def finish(upload: str, asked: Finish, who: Who, here: Here, request: Request) -> Any:
    """Make of a whole file what it is for; asked again, it answers the same.

    A file that can't be read is told with line and column, and stays for another try with other options.
    """
    found = find(here, who, upload)
    purpose = _purpose(found.purpose)
    who.to(purpose.operation).require("upload", None)
    header = tuple(asked.header) if asked.header else None
    source = Source(
        format=asked.format,
        delimiter=asked.delimiter,
        header=header,
        quoting=asked.quoting,
        paragraphs=asked.paragraphs,
        license=asked.license or "unstated",
    )
    if found.state != "done":
        with arriving.working_on(upload), arriving.checking():
            try:
                _finish(here, purpose, upload, Given(asked.name, asked.license, source))
            except DataError as error:
                where = {"file": error.file, "line": error.line, "column": error.column, "what": error.message}
                return problem(request, 422, error.message, error="DataError", remedy=error.remedy, problems=[where])
    now = find(here, who, upload)
    return {**shown(now), found.purpose: purpose.shown(here, now.result)}


@router.delete("/{upload}", operation_id="uploads.abort", status_code=204)
def abort(upload: str, who: Who, here: Here) -> None:
    """Give an upload up and remove its bytes."""
    find(here, who, upload)
    with arriving.working_on(upload):
        arriving.abort(here, upload)


def find(here: Here, who: Who, upload: str) -> Upload:
    """Return an upload that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = uploads.maybe_upload(tx, upload)
    return who.touch(found, f"upload {upload}")


def shown(one: Upload) -> dict[str, Any]:
    """Return an upload as the API shows it."""
    times = {name: from_micros(getattr(one, name)) for name in ("created", "updated", "expires")}
    return {**asdict(one), **times, "piece_bytes": arriving.PIECE_BYTES}


def _add(here: Here, upload: Upload, offset: int, content: bytes) -> Upload:
    purpose = _purpose(upload.purpose)
    if offset == 0 and upload.received == 0:
        _check_start(here, purpose, upload, content[:HEAD_BYTES])
    path = arriving.file_of(here.home, upload, purpose.suffix(upload.name))
    return arriving.write_piece(here, upload, path, offset, content)


def _finish(here: Here, purpose: Purpose, id: str, given: Given) -> None:
    with here.db.read() as tx:
        upload = uploads.get_upload(tx, id)
    if upload.state == "done":
        return
    path = arriving.file_of(here.home, upload, purpose.suffix(upload.name))
    arriving.check_whole(upload, path)
    with path.open("rb") as stream:
        _check_start(here, purpose, upload, stream.read(HEAD_BYTES))
    purpose.finish(here, upload, path, given)
    arriving.remove_bytes(here.home, id)


def _check_start(here: Here, purpose: Purpose, upload: Upload, head: bytes) -> None:
    """Refuse a file by its first bytes; what is no file of rows doesn't stay on the disk."""
    try:
        purpose.check_start(head, upload.name)
    except DataError:
        arriving.abort(here, upload.id)
        raise


def _purpose(name: str) -> Purpose:
    if name not in PURPOSES:
        raise UnknownName.of("purpose of an upload", name, PURPOSES)
    return PURPOSES[name]


async def _body(request: Request) -> bytes | None:
    """Read a piece; None as soon as it is too long, whatever its header said."""
    content = bytearray()
    async for chunk in request.stream():
        if len(content) + len(chunk) > arriving.PIECE_BYTES:
            return None
        content += chunk
    return bytes(content)
