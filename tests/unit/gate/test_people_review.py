"""A person may approve what failed only by major criteria; the record says who, why and on which verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engram.errors import Refused, UsageError
from engram.files import sha256_bytes
from engram.gate.criteria import judge
from engram.gate.digest import verdict_digest
from engram.gate.review import Review, is_cleared, review
from engram.schema.codec import from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.report import Measure, Report

REPORT = Report("r_1", "evaluate", 10, {"accuracy": Measure(0.8)})
WAITING = judge(REPORT, [Criterion("accuracy", at_least=0.9, severity="major")])
ADVANCED = judge(REPORT, [Criterion("accuracy", at_least=0.7)])
FAILED = judge(REPORT, [Criterion("accuracy", at_least=0.9)])
WORDS = {"actor": "u_7", "reason": "The rare class is worth it.", "time": "2026-11-20T15:02:11.042000Z"}


def test_the_record_says_who_decided_what_on_which_verdict() -> None:
    record = review(WAITING, "approve", **WORDS)
    assert record == Review(
        "r_1",
        "evaluate",
        "approve",
        "u_7",
        "The rare class is worth it.",
        sha256_bytes(b"The rare class is worth it."),
        verdict_digest(WAITING),
        "2026-11-20T15:02:11.042000Z",
        "engram.review/1",
    )
    assert from_dict(Review, to_dict(record)) == record


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize("verdict", [ADVANCED, FAILED], ids=["advance", "rollback"])
def test_only_a_verdict_that_waits_can_be_decided(verdict, decision) -> None:
    with pytest.raises(Refused, match="not for a person to decide"):
        review(verdict, decision, **WORDS)


def test_a_second_decision_on_the_same_verdict_is_refused() -> None:
    first = review(WAITING, "approve", **WORDS)
    for decision in ("approve", "reject"):
        with pytest.raises(Refused, match="reviewed before: u_7 said approve"):
            review(WAITING, decision, **{**WORDS, "actor": "u_8"}, earlier=[first])


def test_a_decision_on_another_verdict_does_not_stand_in_the_way() -> None:
    other = judge(replace(REPORT, n=11), [Criterion("accuracy", at_least=0.9, severity="major")])
    assert review(WAITING, "reject", **WORDS, earlier=[review(other, "approve", **WORDS)]).decision == "reject"


@pytest.mark.parametrize("field", ["actor", "reason"])
@pytest.mark.parametrize("empty", ["", "  \n\t"])
def test_nobody_and_no_reason_are_refused(field: str, empty: str) -> None:
    with pytest.raises(UsageError, match=f"needs its {field}"):
        review(WAITING, "approve", **{**WORDS, field: empty})


def test_an_answer_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(UsageError, match="approve or reject, not 'maybe'"):
        review(WAITING, "maybe", **WORDS)


def test_only_advance_or_an_approval_of_this_very_verdict_clears_a_run() -> None:
    approved, rejected = review(WAITING, "approve", **WORDS), review(WAITING, "reject", **WORDS)
    assert is_cleared(ADVANCED)
    assert is_cleared(WAITING, [approved])
    assert not is_cleared(WAITING)
    assert not is_cleared(WAITING, [rejected])
    assert not is_cleared(WAITING, [approved, rejected])
    assert not is_cleared(FAILED, [approved, replace(approved, verdict_digest=verdict_digest(FAILED))])


def test_an_approval_still_fits_after_the_verdict_was_written_and_read() -> None:
    whole = judge(Report("r", "data", 1, {"rows": Measure(3)}), [Criterion("rows", at_least=5, severity="major")])
    read = from_dict(type(whole), to_dict(whole))
    assert is_cleared(read, [review(whole, "approve", **WORDS)])
