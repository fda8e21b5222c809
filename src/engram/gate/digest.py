"""Digests of what the gate reads and writes, the same before a file is written and after it is read again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from engram.files import json_digest
from engram.schema.codec import from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.report import Report
from engram.schema.verdict import Verdict

T = TypeVar("T")

GATES_FORMAT = "engram.gates/1"


def settled(record: T) -> T:
    """Return a record as it would come back from its file, so that 1 and 1.0 are the same number."""
    return from_dict(type(record), to_dict(record))


def report_digest(report: Report) -> str:
    """Return the digest of a report's canonical JSON.

    A report may be broken and must have a digest all the same: a number that is not finite enters as the text
    ``nan``, ``inf`` or ``-inf``.

    >>> report_digest(Report("r1", "data", 1, {})) == json_digest(to_dict(Report("r1", "data", 1, {})))
    True
    """
    return json_digest(_writable(to_dict(settled(report))))


def verdict_digest(verdict: Verdict) -> str:
    """Return the digest of a verdict's canonical JSON."""
    return json_digest(to_dict(settled(verdict)))


def declaration_digest(gates: Mapping[str, tuple[Criterion, ...]]) -> str:
    """Return the digest of declared gates: it enters the ledger before training, and fits no others later.

    >>> declaration_digest({"data": ()}) == declaration_digest({"train": ()})
    False
    """
    plain = {stage: [to_dict(settled(criterion)) for criterion in criteria] for stage, criteria in gates.items()}
    return json_digest({"format": GATES_FORMAT, "gates": plain})


def _writable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value
