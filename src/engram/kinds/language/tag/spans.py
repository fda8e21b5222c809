"""Spans: what a row of tags such as B-person I-person O marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TAG = re.compile(r"(?P<mark>[BIES])(?:-(?P<label>.+))?", re.DOTALL)
NAMELESS = "_"


def find_spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return first word, word after the last, and label of each span, in order.

    Read as conlleval does (the script of the CoNLL-2000 shared task), as the metrics read them: a span begins at B or
    S, and also at an I or E whose neighbour before it is outside or of another label; it ends after E or S. A tag of
    another shape than O, B-x, I-x, E-x or S-x is outside. A bare B or I has the label ``_``.

    >>> find_spans(["B-person", "I-person", "O", "I-place", "B-place"])
    [(0, 2, 'person'), (3, 4, 'place'), (4, 5, 'place')]
    """
    spans: list[tuple[int, int, str]] = []
    goes_on = False
    for word, tag in enumerate(tags):
        found = _TAG.fullmatch(tag)
        if found is None:
            goes_on = False
            continue
        label = found["label"] or NAMELESS
        if goes_on and found["mark"] in "IE" and spans[-1][2] == label:
            spans[-1] = (spans[-1][0], word + 1, label)
        else:
            spans.append((word, word + 1, label))
        goes_on = found["mark"] in "BI"
    return spans
