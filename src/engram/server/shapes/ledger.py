"""The ledger as the API shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from engram.server.shapes.artifacts import CheckOut


class EntryOut(BaseModel):
    """One thing that happened; bodies hold digests and opaque ids only."""

    index: int
    type: str
    subject: str
    body: dict[str, Any]
    actor: str
    time: str
    format: str


class EntryList(BaseModel):
    """Entries in their order. size: how many there are in all; next: where to go on."""

    items: list[EntryOut]
    size: int
    next: int | None


class LeafList(BaseModel):
    """The leaves from `start` on, as they are under the signed root, in base64. size: how many there are in all."""

    start: int
    leaves: list[str]
    size: int


class LedgerChecked(BaseModel):
    """The ledger looked at whole; the first check that is not ok names the file and the first index that is wrong."""

    ok: bool
    size: int
    checks: list[CheckOut]


class Proof(BaseModel):
    """An entry's leaf and the hashes that lead from it to the root of the signed checkpoint; bytes are base64."""

    index: int
    leaf: str
    proof: list[str]
    checkpoint: str
