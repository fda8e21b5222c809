"""Datasets and uploads, as the API shows them; times are UTC."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class DatasetOut(BaseModel):
    """A dataset. digest: of its content; bytes and rows count that."""

    id: str
    name: str
    owner: str
    digest: str
    format: str
    license: str
    bytes: int
    rows: int
    pinned: bool
    version: int
    created: str
    updated: str


class DatasetList(BaseModel):
    """A page of datasets; `next` continues the list."""

    items: list[DatasetOut]
    next: str | None


class LengthsOut(BaseModel):
    """Characters of the cells of a column that are not empty."""

    least: int
    most: int
    mean: float


class FlagOut(BaseModel):
    """One thing that a person should look at; `column` is empty for a whole row."""

    line: int
    column: str
    what: str


class QualityOut(BaseModel):
    """What a file of rows holds. missing: column → empty cells; labels: column → value → rows."""

    format: str
    columns: list[str]
    rows: int
    blank: int
    duplicates: int
    missing: dict[str, int]
    labels: dict[str, dict[str, int]]
    lengths: dict[str, LengthsOut]
    flagged: list[FlagOut]
    said: str


class DatasetDetail(DatasetOut):
    """A dataset with what it holds, and the options by which its file is read."""

    quality: QualityOut
    read: dict[str, Any]


class RowOut(BaseModel):
    """A row as it was read. line: where it begins; cells: column → text, cut where it is long."""

    line: int
    cells: dict[str, str]


class PlayedRole(BaseModel):
    """One role of a form. column: which would play it; found: whether the file has that column."""

    role: str
    column: str
    what: str
    needed: bool
    found: bool


class MappingOut(BaseModel):
    """What a task would make of rows. form: empty when none fits; usable: rows of the sample that it takes."""

    form: str
    title: str
    roles: list[PlayedRole]
    usable: int
    problems: list[str]


class PreviewOut(BaseModel):
    """The first rows, and how a task would read them."""

    format: str
    columns: list[str]
    rows: list[RowOut]
    mapping: MappingOut


class PieceOut(BaseModel):
    """A part of a row as a model reads it, and whether it is learned."""

    text: str
    learned: bool


class SplitOut(BaseModel):
    """How rows were dealt. run: the newest that used it, of `runs`; rows: part → rows; reading: its first training row.

    `reading` is empty where a model learns all that it is to say about a row.
    """

    digest: str
    run: str
    recipe: str
    runs: int
    rows: dict[str, int]
    reading: list[PieceOut]


class SplitList(BaseModel):
    """The splits of a dataset, the newest first."""

    items: list[SplitOut]


class FoundOut(BaseModel):
    """What the filters found in a row; never its text."""

    line: int
    action: str
    stage: str
    rule: str


class ScanOut(BaseModel):
    """What the filters said of a dataset. on: false where they are off for datasets, and nothing was looked at."""

    on: bool
    rows: int
    blocked: int
    flagged: int
    classifier: str
    found: list[FoundOut]


class UploadOut(BaseModel):
    """An upload. received: bytes that are on the disk; piece_bytes: the most of one piece; result: what it became."""

    id: str
    owner: str
    purpose: str
    name: str
    digest: str
    size: int
    received: int
    state: str
    expires: str
    result: str
    created: str
    updated: str
    version: int
    piece_bytes: int


class UploadList(BaseModel):
    """A page of uploads; `next` continues the list."""

    items: list[UploadOut]
    next: str | None


class UploadDone(UploadOut):
    """An upload that was finished, with what it became under the name of its purpose."""

    dataset: DatasetDetail | None = None
