"""The candidate: what a worker says of what it made. Every number in it is a claim, until the judge has measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engram.errors import Refused

FORMAT = "engram.candidate/1"
RECORD, WEIGHTS = "candidate.json", "weights.safetensors"
CHECKPOINT = re.compile(r"checkpoint-[0-9]{1,12}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PRECISIONS = ("fp32", "bf16", "fp16")
COUNTS = ("steps", "best_step", "trainable_tokens", "threads", "workers")
NUMBERS = ("first_valid_loss", "best_valid_loss", "grad_norm_p99", "grad_norm_median")
FIELDS = frozenset(
    {"format", "run", "checkpoint", "weights", "stopped_early", "precision", *COUNTS, *NUMBERS},
)
MOST = 1 << 53


def check_candidate(said: Any, run: str) -> Mapping[str, Any]:
    """Return a candidate's record if it is one, of this run; whether it is true is for the judge.

    Raises Refused for another form, other fields, values of another sort, a name that could lead elsewhere, and a
    candidate of another run.

    >>> check_candidate({"checkpoint": "../keys"}, "r_1")
    Traceback (most recent call last):
    engram.errors.Refused: The candidate is refused: it lacks best_step, ... Hand in what `engram trainer` leaves.
    """
    why = _why_not(said, run)
    if why:
        raise Refused(f"The candidate is refused: {why}.", remedy="Hand in what `engram trainer` leaves.")
    found: Mapping[str, Any] = said
    return found


def _why_not(said: Any, run: str) -> str:
    if not isinstance(said, dict):
        return "it is no record"
    if odd := sorted(set(said) ^ FIELDS):
        lacking = [name for name in odd if name in FIELDS]
        return f"it lacks {', '.join(lacking)}" if lacking else f"nobody knows {', '.join(odd)[:200]}"
    if said["format"] != FORMAT:
        return f"its format is {str(said['format'])[:40]!r}, not {FORMAT!r}"
    if said["run"] != run:
        return f"it is of run {str(said['run'])[:40]!r}, not of {run}"
    for name, shape in (("checkpoint", CHECKPOINT), ("weights", DIGEST)):
        if not isinstance(said[name], str) or not shape.fullmatch(said[name]):
            return f"its {name} is {str(said[name])[:40]!r}"
    for name in COUNTS:
        if type(said[name]) is not int or not 0 <= said[name] < MOST:
            return f"its {name} is {str(said[name])[:40]!r}, no count"
    for name in NUMBERS:
        if said[name] is not None and type(said[name]) not in (int, float):
            return f"its {name} is {str(said[name])[:40]!r}, no number"
    if type(said["stopped_early"]) is not bool or said["precision"] not in PRECISIONS:
        return "its stopped_early or precision means nothing"
    return ""
