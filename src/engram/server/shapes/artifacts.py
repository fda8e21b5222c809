"""Artifacts as the API shows them."""

from __future__ import annotations

from pydantic import BaseModel


class ArtifactOut(BaseModel):
    """A published artifact. entry: the index of its certificate in the ledger."""

    digest: str
    name: str
    owner: str
    run: str
    kind: str
    task: str
    bytes: int
    entry: int | None
    metrics: dict[str, float]
    pinned: bool
    shared: bool
    created: str
    updated: str
    version: int


class ArtifactList(BaseModel):
    """A page of artifacts; `next` continues the list."""

    items: list[ArtifactOut]
    next: str | None


class CheckOut(BaseModel):
    """One thing that was looked at. name: which file or step; detail: in words."""

    name: str
    ok: bool
    detail: str


class Checked(BaseModel):
    """Every file of an artifact, looked at again."""

    ok: bool
    checks: list[CheckOut]
