"""The leakage check: it reads the parts as they were written, and takes nothing on trust from the dealing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from engram.data.clean import fold
from engram.data.rows import read_part
from engram.schema.split import Part


def leaked_rows(folder: Path, parts: Mapping[str, Part]) -> int:
    """Return how many test rows have a text that also stands in train or valid (casefolded, white space collapsed).

    Memory: one digest per different test text.
    """
    waiting = {_key(row.text): 0 for row in read_part(folder, parts["test"])}
    for row in read_part(folder, parts["test"]):
        waiting[_key(row.text)] += 1
    leaked = 0
    for name in ("train", "valid"):
        for row in read_part(folder, parts[name]):
            leaked += waiting.pop(_key(row.text), 0)
    return leaked


def _key(text: str) -> bytes:
    return hashlib.blake2b(fold(text).encode(), digest_size=16).digest()
