"""The ledger: entries, the signed checkpoint, and proofs that anyone can check offline."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from fastapi.responses import PlainTextResponse

from engram.errors import NotFound
from engram.ledger.encoding import to_base64
from engram.ledger.keys import load_vkey
from engram.ledger.verify import verify_ledger
from engram.schema.codec import to_dict
from engram.schema.entry import Entry
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.shapes.artifacts import CheckOut
from engram.server.shapes.ledger import EntryList, EntryOut, LeafList, LedgerChecked, Proof

router = Router(prefix="/api/v1/ledger", tags=["ledger"])
Index = Annotated[int, Path(ge=0)]
# How many entries one request looks through: a rare type in a long ledger is found over several requests.
MOST_SEARCHED, SEARCHED_AT_ONCE = 5_000, 200


@router.get("/entries", operation_id="ledger.list")
def entries(
    who: Who,
    here: Here,
    start: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    subject: Annotated[str, Query(max_length=200, description="Only what is about this: a run's id, a digest.")] = "",
) -> EntryList:
    """Return entries in their order; of a subject as many as a piece of the ledger holds, and where to go on."""
    with here.writing:
        size = here.ledger.size
        if subject:
            found, after = here.ledger.about(subject, start, limit)
        else:
            found, after = list(here.ledger.entries(min(start, size), min(size, start + limit))), start + limit
    items = [EntryOut.model_validate(to_dict(one)) for one in found]
    return EntryList(items=items, size=size, next=after if after < size else None)


@router.get("/newest", operation_id="ledger.newest")
def newest(
    who: Who,
    here: Here,
    before: Annotated[int | None, Query(ge=0, description="The index before which; the end when absent.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    type: Annotated[str, Query(max_length=100, description="Only entries of this type.")] = "",
    subject: Annotated[str, Query(max_length=200, description="Only entries about this.")] = "",
) -> EntryList:
    """Return entries, newest first. A page may be short, even empty: `next` says before which index to go on."""
    items: list[Entry] = []
    with here.writing:
        size = here.ledger.size
        place = size if before is None else min(before, size)
        least = max(0, place - MOST_SEARCHED)
        while place > least and len(items) < limit:
            first = max(least, place - SEARCHED_AT_ONCE)
            for one in reversed(list(here.ledger.entries(first, place))):
                if len(items) == limit:
                    break
                place = one.index
                if type in ("", one.type) and subject in ("", one.subject):
                    items.append(one)
    found = [EntryOut.model_validate(to_dict(one)) for one in items]
    return EntryList(items=found, size=size, next=place or None)


@router.get("/checkpoint", operation_id="ledger.checkpoint", response_class=PlainTextResponse)
def checkpoint(who: Who, here: Here) -> PlainTextResponse:
    """Return the newest checkpoint, a signed note."""
    with here.writing:
        return PlainTextResponse(here.ledger.checkpoint)


@router.get("/leaves", operation_id="ledger.read")
def leaves(
    who: Who, here: Here, start: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 1000
) -> LeafList:
    """Return the bytes of entries as they were signed, so that anyone can count the tree again."""
    with here.writing:
        size = here.ledger.size
        found = [to_base64(one) for one in here.ledger.leaves(min(start, size), start + limit)]
    return LeafList(start=start, leaves=found, size=size)


@router.get("/key", operation_id="ledger.key", response_class=PlainTextResponse)
def key(who: Who, here: Here) -> PlainTextResponse:
    """Return the public key of the ledger, as `keys/ledger.pub` holds it."""
    return PlainTextResponse(f"{load_vkey(here.home / 'keys' / 'ledger.pub').vkey}\n")


@router.get("/check", operation_id="ledger.verify")
def check(who: Who, here: Here) -> LedgerChecked:
    """Read the ledger from the disk, whole, and prove every entry under every root that was ever signed."""
    found = list(verify_ledger(here.home / "ledger", load_vkey(here.home / "keys" / "ledger.pub")))
    checks = [CheckOut(name=one.name, ok=one.ok, detail=one.detail) for one in found]
    return LedgerChecked(ok=all(one.ok for one in found), size=here.ledger.size, checks=checks)


@router.get("/entries/{index}/proof", operation_id="ledger.prove")
def proof(index: Index, who: Who, here: Here) -> Proof:
    """Return an entry's leaf and the proof that the checkpoint covers it."""
    with here.writing:
        size = here.ledger.size
        if index >= size:
            raise NotFound(f"The ledger has {size} entries; there is no entry {index}.")
        leaf, path, note = here.ledger.leaf(index), here.ledger.inclusion_proof(index), here.ledger.checkpoint
    return Proof(index=index, leaf=to_base64(leaf), proof=[to_base64(one) for one in path], checkpoint=note.decode())
