"""Ways around a gate, each refused with its reason."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import Refused
from engram.files import canonical_json
from engram.gate.criteria import judge
from engram.gate.defaults import declaration_digest, declare
from engram.gate.digest import report_digest, verdict_digest
from engram.gate.evidence import check_evidence
from engram.gate.review import is_cleared, review
from engram.schema.codec import from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.report import Measure, Report
from engram.schema.verdict import Verdict

BETTER = {"accuracy": "max", "ece": "min"}
GATES = declare(
    {"evaluate": (Criterion("accuracy", gain_over="baseline"),), "data": (Criterion("leaked_test_rows", equals=0),)},
    {"evaluate": (Criterion("accuracy", at_least=0.88, severity="major"),)},
)
DECLARED = declaration_digest(GATES)
GOOD = Measure(0.9, (0.88, 0.92), 0.8, 0.9 - 0.8, (0.05, 0.15))
REPORT = Report("r_1", "evaluate", 100, {"accuracy": GOOD}, "sha256:split", 1, {"labels": ["a", "b"]})
VERDICT = judge(REPORT, GATES["evaluate"], better=BETTER)
WORDS = {"actor": "u_7", "reason": "Because.", "time": "2026-11-20T15:02:11.042000Z"}


def check(verdict=VERDICT, report=REPORT, digest=DECLARED, gates=GATES, run="r_1", better=BETTER) -> None:
    check_evidence(verdict, report, digest, gates, run=run, better=better)


def test_honest_evidence_holds_also_after_it_was_written_and_read() -> None:
    check()
    read_report = from_dict(Report, json.loads(canonical_json(to_dict(REPORT))))
    read_verdict = from_dict(Verdict, json.loads(canonical_json(to_dict(VERDICT))))
    read_gates = {stage: tuple(from_dict(Criterion, to_dict(one)) for one in lines) for stage, lines in GATES.items()}
    check(read_verdict, read_report, declaration_digest(read_gates), read_gates)


def test_whole_numbers_do_not_break_honest_evidence() -> None:
    report = Report("r_1", "data", 100, {"leaked_test_rows": Measure(0)})
    verdict = judge(report, GATES["data"])
    assert verdict.decision == "advance"
    check(from_dict(Verdict, json.loads(canonical_json(to_dict(verdict)))), report)
    check(verdict, from_dict(Report, json.loads(canonical_json(to_dict(report)))))


@pytest.mark.parametrize(("evidence", "missing"), [({"verdict": None}, "verdict"), ({"report": None}, "report")])
def test_no_evidence(evidence, missing: str) -> None:
    with pytest.raises(Refused, match=f"there is no {missing}"):
        check(**evidence)


def test_another_runs_report() -> None:
    with pytest.raises(Refused, match="report is of run 'r_2'"):
        check(report=replace(REPORT, run="r_2"))


def test_another_runs_report_and_verdict_together() -> None:
    theirs = replace(REPORT, run="r_2")
    with pytest.raises(Refused, match="not of 'r_1'"):
        check(verdict=judge(theirs, GATES["evaluate"], better=BETTER), report=theirs)


def test_another_stages_verdict() -> None:
    with pytest.raises(Refused, match="stage 'data' and the report on stage 'evaluate'"):
        check(verdict=replace(VERDICT, stage="data"))


CHANGES = {
    "value": replace(REPORT, metrics={"accuracy": replace(GOOD, value=0.91)}),
    "interval": replace(REPORT, metrics={"accuracy": replace(GOOD, difference_interval=(0.06, 0.15))}),
    "method": replace(REPORT, metrics={"accuracy": replace(GOOD, method="trust me")}),
    "rows": replace(REPORT, n=101),
    "split": replace(REPORT, split_digest="sha256:train"),
    "scored": replace(REPORT, times_scored=0),
    "table": replace(REPORT, details={"labels": ["a", "c"]}),
    "added": replace(REPORT, metrics={"accuracy": GOOD, "ece": Measure(0.0)}),
    "nan": replace(REPORT, metrics={"accuracy": replace(GOOD, mcnemar_p=float("nan"))}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_report_changed_after_it_was_judged(what: str) -> None:
    with pytest.raises(Refused, match="report was changed after it was judged"):
        check(report=CHANGES[what])


@pytest.mark.parametrize(
    "gates",
    [
        {**GATES, "evaluate": GATES["evaluate"][:1]},
        {**GATES, "evaluate": (Criterion("accuracy", gain_over="baseline", by=-1.0), GATES["evaluate"][1])},
        {"evaluate": GATES["evaluate"]},
        {},
    ],
)
def test_gates_changed_after_they_were_declared(gates) -> None:
    with pytest.raises(Refused, match="not the ones declared before training"):
        check(gates=gates)


def test_a_stage_without_a_declared_gate() -> None:
    report = replace(REPORT, stage="export")
    with pytest.raises(Refused, match="no gate was declared for stage 'export'"):
        check(verdict=replace(VERDICT, stage="export", report_digest=report_digest(report)), report=report)


BAD = replace(REPORT, metrics={"accuracy": replace(GOOD, difference_interval=(-0.05, 0.15))})
ROLLBACK = judge(BAD, GATES["evaluate"], better=BETTER)


@pytest.mark.parametrize(
    "forged",
    [
        replace(ROLLBACK, decision="advance"),
        replace(ROLLBACK, decision="review"),
        replace(ROLLBACK, decision="advance", criteria=tuple(replace(f, passed=True) for f in ROLLBACK.criteria)),
        replace(ROLLBACK, decision="advance", criteria=ROLLBACK.criteria[1:]),
        replace(ROLLBACK, decision="advance", criteria=()),
        replace(VERDICT, report_digest=report_digest(BAD)),
    ],
)
def test_a_verdict_that_the_gate_never_gave(forged: Verdict) -> None:
    assert ROLLBACK.decision == "rollback"
    with pytest.raises(Refused, match="judging the report again says 'rollback'"):
        check(verdict=forged, report=BAD)


def test_a_verdict_with_prettier_numbers_and_the_same_decision() -> None:
    first, *rest = VERDICT.criteria
    prettier = replace(VERDICT, criteria=(replace(first, observed=0.2, interval=(0.2, 0.3)), *rest))
    with pytest.raises(Refused, match="says 'advance' and does not give this verdict"):
        check(verdict=prettier)


def test_a_direction_turned_round_does_not_give_the_same_verdict() -> None:
    with pytest.raises(Refused, match="judging the report again"):
        check(better={"accuracy": "min"})


def test_a_rollback_can_never_be_approved_not_even_when_it_is_renamed() -> None:
    with pytest.raises(Refused, match="not for a person to decide"):
        review(ROLLBACK, "approve", **WORDS)
    renamed = replace(ROLLBACK, decision="review")
    with pytest.raises(Refused, match="its criteria amount to 'rollback'"):
        review(renamed, "approve", **WORDS)
    waiting = judge(REPORT, [Criterion("accuracy", at_least=0.99, severity="major")])
    stolen = replace(review(waiting, "approve", **WORDS), verdict_digest=verdict_digest(renamed))
    assert not is_cleared(renamed, [stolen])
    assert not is_cleared(replace(ROLLBACK, decision="advance"))
    assert not is_cleared(replace(ROLLBACK, decision="advance", criteria=()))


@given(st.dictionaries(st.sampled_from(["accuracy", "ece"]), st.floats(), max_size=2), st.integers(-1, 2))
def test_plausible_or_broken_numbers_alone_never_show_a_gain(values: dict[str, float], n: int) -> None:
    """A report that states values without paired intervals proves no gain, whatever the values."""
    report = Report("r_1", "evaluate", n, {name: Measure(value) for name, value in values.items()})
    verdict = judge(report, GATES["evaluate"], better=BETTER)
    assert verdict.decision == "rollback"
    assert verdict.report_digest == report_digest(report)
