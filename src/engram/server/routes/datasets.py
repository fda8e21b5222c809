"""Datasets: files of rows by their digests, with what they hold; they come in as uploads."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engram import registry
from engram.data.mapping import preview as mapped
from engram.data.names import read_as
from engram.data.quality import all_rows, first_rows
from engram.data.sources import source_path
from engram.data.stored import told_as
from engram.errors import DataError, UsageError
from engram.schema.card import KindCard
from engram.schema.codec import to_dict
from engram.schema.form import FORMS
from engram.schema.recipe import Source
from engram.server import datasets as material
from engram.server import uploads
from engram.server.access import Here, Who
from engram.server.filtering import scan, text_of
from engram.server.route import Router
from engram.server.sealed import send_content
from engram.server.shapes.datasets import DatasetDetail, DatasetList, PreviewOut, ScanOut, SplitList
from engram.server.versions import IfMatch, version_of
from engram.store.pages import USUAL, Ask
from engram.store.records import datasets
from engram.store.records.datasets import Dataset, DatasetChanges
from engram.store.records.splits import splits_of

router = Router(prefix="/api/v1/datasets", tags=["datasets"])
MOST_ROWS, MOST_CELL = 100, 2_000
SAMPLE_LICENSE = "CC0-1.0"


class Changes(BaseModel):
    """What may change about a dataset; its content never does. version: the one that was read."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=400)
    license: str | None = Field(default=None, max_length=100)
    version: int | None = None


@router.get("", operation_id="datasets.list", response_model=DatasetList)
def listed(
    who: Who,
    here: Here,
    after: str | None = None,
    limit: int = USUAL,
    name: str | None = None,
    digest: str | None = None,
    format: str | None = None,
) -> dict[str, Any]:
    """List datasets, newest first; `name` is the beginning of one."""
    ask = Ask(who.visible_to, after, limit, equal={"digest": digest, "format": format}, prefix={"name": name})
    with here.db.read() as tx:
        page = datasets.list_datasets(tx, ask)
    return {"items": [material.listed(one) for one in page.items], "next": page.next}


@router.post("/samples/{sample}", operation_id="datasets.sample", response_model=DatasetDetail, status_code=201)
def sample(sample: Annotated[str, Path(max_length=64)], who: Who, here: Here) -> dict[str, Any]:
    """Make a sample that ships with Engram a dataset of one's own; asked again, it is the one that is there."""
    owner, source = who.principal.user, Source(license=SAMPLE_LICENSE)
    path = source_path(Source(sample=sample), here.home)
    digest, found = material.digest_of(path, ""), material.check_file(path, path.name, source)
    with here.db.read() as tx:
        uploads.admit(tx, here.home, owner, path.stat().st_size)
    what = material.keep(here, path, source, found, digest, link=False)
    with here.writing, here.db.write() as tx:
        made = material.register(tx, here, owner, path.name, SAMPLE_LICENSE, what)
    who.said["subject"] = made.id
    return material.shown(made)


@router.get("/{dataset}", operation_id="datasets.read", response_model=DatasetDetail)
def read(dataset: str, who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Return one dataset with what it holds."""
    found = find(here, who, dataset)
    response.headers["ETag"] = f'"{found.version}"'
    return material.shown(found)


@router.get("/{dataset}/preview", operation_id="datasets.preview", response_model=PreviewOut)
def preview(
    dataset: str,
    who: Who,
    here: Here,
    rows: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 20,
    kind: str | None = None,
    task: str | None = None,
    columns: Annotated[str, Query(max_length=4000, description="role=column pairs: text=sentence,label=class")] = "",
) -> dict[str, Any]:
    """Return the first rows, and how a task would read them: which column plays which role, and what is wrong."""
    found = find(here, who, dataset)
    forms = _forms(kind, task)
    with material.content(here, found) as path:
        try:
            reader, first = first_rows(path, read_as(found.body["read"]), rows)
        except DataError as error:
            raise told_as(error, path, found.name) from error
    names = tuple(str(one) for one in found.body["quality"]["columns"])
    shown = [{"line": line, "cells": {name: cell[:MOST_CELL] for name, cell in cells.items()}} for line, cells in first]
    return {
        "format": reader.name,
        "columns": names,
        "rows": shown,
        "mapping": to_dict(mapped(forms, _pairs(columns), names, first)),
    }


@router.get("/{dataset}/splits", operation_id="datasets.splits", response_model=SplitList)
def splits(dataset: str, who: Who, here: Here) -> dict[str, Any]:
    """Return how runs dealt the rows of a dataset: the splits that the newest runs which you may see made of it."""
    found = find(here, who, dataset)
    with here.db.read() as tx:
        return {"items": [vars(one) for one in splits_of(tx, found.digest, who.to("runs.list").asks())]}


@router.post("/{dataset}/check", operation_id="datasets.check", response_model=ScanOut)
def check(dataset: str, who: Who, here: Here) -> dict[str, Any]:
    """Look at every row with the content filters; what is found is named by its line and rule, and never repeated."""
    found = find(here, who, dataset)
    with material.content(here, found) as path:
        rows = all_rows(path, read_as(found.body["read"]))
        try:
            said = scan(here, who, found.id, ((line, text_of(cells, keys=False)) for line, cells in rows))
        except DataError as error:
            raise told_as(error, path, found.name) from error
    lines = [{"line": line, "action": one.action, "stage": one.stage, "rule": one.rule} for line, one in said.found]
    return {
        "on": said.on,
        "rows": said.rows,
        "blocked": said.blocked,
        "flagged": said.flagged,
        "classifier": said.classifier,
        "found": lines,
    }


@router.get("/{dataset}/download", operation_id="datasets.download")
def download(dataset: str, who: Who, here: Here) -> Response:
    """Return a dataset's file, as it came in."""
    found = find(here, who, dataset)
    return send_content(here, found, _file_name(found, material.content_file(here, found).suffix))


@router.patch("/{dataset}", operation_id="datasets.update", response_model=DatasetDetail)
def update(dataset: str, asked: Changes, who: Who, here: Here, match: IfMatch = None) -> dict[str, Any]:
    """Change a dataset's name or licence."""
    found = find(here, who, dataset)
    changes = DatasetChanges()
    if asked.name is not None:
        material.check_name(asked.name)
        changes["name"] = asked.name
    if asked.license is not None:
        changes["license"] = asked.license
    if not changes:
        raise UsageError("There is nothing to change.", remedy="Send name or license.")
    with here.db.write() as tx:
        if asked.name is not None:
            material.check_free(tx, found.owner, asked.name, found.id)
        made = datasets.change_dataset(tx, found.id, version=version_of(match, asked.version), **changes)
    return material.shown(made)


@router.delete("/{dataset}", operation_id="datasets.delete", status_code=204)
def delete(dataset: str, who: Who, here: Here, match: IfMatch = None) -> None:
    """Delete a dataset: its digest stays in the ledger, its name goes, and `engram gc` removes content nobody has."""
    found = find(here, who, dataset)
    material.remove(here, found, who.principal.user, version_of(match))


def find(here: Here, who: Who, dataset: str) -> Dataset:
    """Return a dataset that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = datasets.maybe_dataset(tx, dataset)
    return who.touch(found, f"dataset {dataset}")


def _forms(kind: str | None, task: str | None) -> tuple[str, ...]:
    if kind is None and task is None:
        return tuple(FORMS)
    if kind is None or task is None:
        raise UsageError("kind and task go together.", remedy="For example: kind=language&task=classify")
    card: KindCard = registry.get("kind", kind)
    if task not in card.tasks:
        raise UsageError(f"The kind {kind!r} has no task {task!r}.", remedy=f"Its tasks: {', '.join(card.tasks)}.")
    if card.tasks[task].played:
        raise UsageError(f"The kind {kind!r} learns in an environment and has no use for datasets.")
    return tuple(card.tasks[task].forms)


def _pairs(text: str) -> dict[str, str]:
    pairs = [one.partition("=") for one in text.split(",") if one.strip()]
    if not all(role.strip() and column for role, _, column in pairs):
        raise UsageError(f"columns must look like text=sentence,label=class, not {text[:80]!r}.")
    return {role.strip(): column for role, _, column in pairs}


def _file_name(found: Dataset, suffix: str) -> str:
    return found.name if found.name.lower().endswith(suffix.lower()) else f"{found.name}{suffix}"
