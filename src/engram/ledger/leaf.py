"""Entries as stored bytes: what an entry may hold, and its one spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engram.errors import PlatformError, UnknownName
from engram.files import canonical_json
from engram.ledger.encoding import from_canonical_json
from engram.schema.codec import FieldProblem, from_dict, to_dict
from engram.schema.entry import ENTRY_TYPES, FORMAT, Entry

OPAQUE = re.compile(r"[!-?A-~]{1,128}")  # printable ASCII without blanks and without @: no prose, no e-mail fits in
BODY_KEY = re.compile(r"[a-z][a-z0-9_.]{0,63}")
MAX_LEAF_BYTES = 16_384
MAX_DEPTH = 3


@dataclass(frozen=True)
class Draft:
    """An entry before the ledger gives it its index and time."""

    type: str
    subject: str
    body: Mapping[str, Any] = field(default_factory=dict)
    actor: str = "engram"


def encode(draft: Draft, index: int, time: str) -> tuple[Entry, bytes]:
    """Return the entry and its leaf: the bytes that are stored and hashed, without the newline.

    Raises UnknownName for a type outside the closed list, and PlatformError for a subject, actor or body that holds
    anything but digests, opaque ids, numbers and short words.
    """
    if draft.type not in ENTRY_TYPES:
        raise UnknownName.of("ledger entry type", draft.type, ENTRY_TYPES)
    for name, value in (("subject", draft.subject), ("actor", draft.actor), ("body", draft.body)):
        _check_opaque(value, name, depth=0)
    if not isinstance(draft.subject, str) or not isinstance(draft.actor, str) or not isinstance(draft.body, Mapping):
        raise PlatformError("A ledger entry needs a text subject, a text actor and a block of keys as its body.")
    entry = Entry(index, draft.type, draft.subject, draft.body, draft.actor, time)
    try:
        leaf = canonical_json(to_dict(entry))
    except ValueError as error:
        raise PlatformError(f"A ledger entry can't hold NaN or infinity: {error}.") from error
    if len(leaf) > MAX_LEAF_BYTES:
        raise PlatformError(f"A ledger entry of {len(leaf)} bytes is too long; at most {MAX_LEAF_BYTES} are allowed.")
    return entry, leaf


def decode(leaf: bytes) -> Entry:
    """Return the entry of a leaf.

    Raises ValueError when the bytes are not a canonical entry of a known format and type.
    """
    try:
        entry = from_dict(Entry, from_canonical_json(leaf))
    except FieldProblem as error:
        raise ValueError(str(error)) from error
    if entry.format != FORMAT:
        raise ValueError(f"the format is {entry.format!r}; expected {FORMAT!r}")
    if entry.type not in ENTRY_TYPES:
        raise ValueError(f"the type {entry.type!r} is not a ledger entry type")
    return entry


def _check_opaque(value: Any, where: str, depth: int) -> None:
    if value is None or isinstance(value, bool | int | float):
        return
    if isinstance(value, str):
        if not OPAQUE.fullmatch(value):
            raise PlatformError(
                f"The ledger refuses {where} = {value[:40]!r}: expected a digest, an opaque id or a short word "
                "(at most 128 printable ASCII characters without blanks and @).",
                remedy="Keep names and texts in the database and put their digest here.",
            )
    elif isinstance(value, Mapping) and depth < MAX_DEPTH:
        for key, item in value.items():
            if not isinstance(key, str) or not BODY_KEY.fullmatch(key):
                raise PlatformError(f"The ledger refuses the key {key!r} in {where}: expected a short lower-case name.")
            _check_opaque(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list | tuple) and depth < MAX_DEPTH:
        for i, item in enumerate(value):
            _check_opaque(item, f"{where}[{i}]", depth + 1)
    else:
        raise PlatformError(f"The ledger refuses {where}: a {type(value).__name__} at depth {depth} can't be stored.")
