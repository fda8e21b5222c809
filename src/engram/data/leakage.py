"""The leakage check: it reads the parts as they were written, and takes nothing on trust from the dealing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from engram.data.clean import fold
from engram.data.near import Near, near_pairs
from engram.data.rows import read_part
from engram.data.sketch import Sketcher
from engram.schema.split import Part


def leaked_rows(folder: Path, parts: Mapping[str, Part], near: Near | None = None) -> int:
    """Return how many test rows have a text that also stands in train or valid (casefolded, white space collapsed).

    near: count those too whose text is near one of train or valid. Memory: one digest per different test text, and
    with `near` a digest and a sketch of every row.
    """
    if near:
        return _near_leaks(folder, parts, near)
    waiting = {_key(row.text): 0 for row in read_part(folder, parts["test"])}
    for row in read_part(folder, parts["test"]):
        waiting[_key(row.text)] += 1
    leaked = 0
    for name in ("train", "valid"):
        for row in read_part(folder, parts[name]):
            leaked += waiting.pop(_key(row.text), 0)
    return leaked


def _near_leaks(folder: Path, parts: Mapping[str, Part], near: Near) -> int:
    import numpy as np

    sketcher, keys, tested = Sketcher(), bytearray(), bytearray()
    for name in ("train", "valid", "test"):
        for row in read_part(folder, parts[name]):
            sketcher.add(fold(row.text))
            keys += _key(row.text)
            tested.append(name == "test")
    _, first, text = np.unique(np.frombuffer(keys, dtype="S16"), return_index=True, return_inverse=True)
    in_test = np.frombuffer(tested, dtype=bool)
    learned = np.zeros(len(first), dtype=bool)
    learned[text[~in_test]] = True
    one, other = near_pairs(sketcher.done().of(first), near)
    leaked = learned.copy()
    leaked[one[learned[other]]] = True
    leaked[other[learned[one]]] = True
    return int((in_test & leaked[text]).sum())


def _key(text: str) -> bytes:
    return hashlib.blake2b(fold(text).encode(), digest_size=16).digest()
