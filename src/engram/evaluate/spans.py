"""Spans: what a sequence of tags such as B-person I-person O marks.

The reading is that of conlleval, the script of the CoNLL-2000 shared task, which forgives: a span begins at B, and also
at an I whose neighbour before it is O, of another type, or in another row. The tags E (end) and S (single) are read as
conlleval reads them. The strict reading, in which such an I marks nothing, is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.flat import rows_of

_TAG = re.compile(r"(?P<mark>[BIES])(?:-(?P<type>.+))?", re.DOTALL)
UNTYPED = "_"
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Scheme(NamedTuple):
    """What each tag means, shape (tags,): outside any span, begins one, ends one, index of its type (-1 outside)."""

    outside: Bools
    begins: Bools
    ends: Bools
    kind: Ints
    types: tuple[str, ...]


class Spans(NamedTuple):
    """Spans in the order of the text, shape (spans,): row, first token, token after the last, index of the type."""

    row: Ints
    start: Ints
    end: Ints
    kind: Ints


def scheme_of(labels: Sequence[str]) -> Scheme | None:
    """Return what the tags mean, or None when they do not mark spans (a tag that is not O, B-x, I-x, E-x or S-x).

    Types stand in the order in which the labels name them. A bare B or I has the type ``_``.

    >>> scheme_of(["O", "B-person", "I-person", "B-place"]).types
    ('person', 'place')
    >>> scheme_of(["NOUN", "VERB"]) is None
    True
    """
    found = [None if label == "O" else _TAG.fullmatch(label) for label in labels]
    if any(match is None and label != "O" for match, label in zip(found, labels, strict=True)):
        return None
    marks = np.array([match["mark"] if match else "O" for match in found])
    named = [(match["type"] or UNTYPED) if match else "" for match in found]
    types = tuple(dict.fromkeys(name for name in named if name))
    kind = np.array([types.index(name) if name else -1 for name in named], dtype=np.int64)
    return Scheme(marks == "O", np.isin(marks, ["B", "S"]), np.isin(marks, ["E", "S"]), kind, types)


def find_spans(tags: Ints, offsets: Ints, scheme: Scheme) -> Spans:
    """Return the spans of all rows; tags has shape (tokens,), offsets shape (rows + 1,).

    >>> scheme = scheme_of(["O", "B-a", "I-a"])
    >>> find_spans(np.array([0, 2, 2, 1, 2, 0]), np.array([0, 4, 6]), scheme).start.tolist()
    [1, 3, 4]
    """
    inside, kind = ~scheme.outside[tags], scheme.kind[tags]
    row = rows_of(offsets)
    goes_on = np.zeros(len(tags), dtype=bool)
    goes_on[1:] = (row[1:] == row[:-1]) & inside[1:] & inside[:-1] & (kind[1:] == kind[:-1])
    goes_on[1:] &= ~scheme.begins[tags[1:]] & ~scheme.ends[tags[:-1]]
    start = np.flatnonzero(inside & ~goes_on)
    stops = np.append(np.flatnonzero(~goes_on), len(tags))
    end = stops[np.searchsorted(stops, start, side="right")]
    return Spans(row[start], start, end, kind[start])


def found_in(wanted: Spans, given: Spans) -> Bools:
    """Tell for each wanted span whether the same one, with the same borders and type, is among the given.

    Spans of one reading never begin at the same token, so the beginning finds the partner.
    """
    if len(given.start) == 0:
        return np.zeros(len(wanted.start), dtype=bool)
    at = np.minimum(np.searchsorted(given.start, wanted.start), len(given.start) - 1)
    same: Bools = (given.start[at] == wanted.start) & (given.end[at] == wanted.end) & (given.kind[at] == wanted.kind)
    return same
