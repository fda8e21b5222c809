"""A gate passes what was shown, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import Refused, UsageError
from engram.files import json_digest
from engram.gate.criteria import decide, judge
from engram.gate.defaults import is_as_strict
from engram.schema.codec import from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.report import Measure, Report
from engram.schema.verdict import Finding, Verdict

NAN, INF = float("nan"), float("inf")
BETTER = {"accuracy": "max", "ece": "min"}
GRAVITY = {"advance": 0, "review": 1, "rollback": 2}

ACCURACY = Measure(0.885, (0.87, 0.9), 0.813, 0.885 - 0.813, (0.055, 0.089))
ECE = Measure(0.05, (0.04, 0.06), 0.08, 0.05 - 0.08, (-0.04, -0.02))
REPORT = Report("r_1", "evaluate", 1820, {"accuracy": ACCURACY, "ece": ECE, "loss": Measure(0.3)})
GAIN = Criterion("accuracy", gain_over="baseline")


def one(criterion: Criterion, report: Report = REPORT, better: dict[str, str] | None = None) -> Finding:
    return judge(report, [criterion], better=BETTER if better is None else better).criteria[0]


@pytest.mark.parametrize(
    ("criterion", "passes"),
    [
        (Criterion("accuracy", at_least=0.88), True),
        (Criterion("accuracy", at_least=0.885), True),
        (Criterion("accuracy", at_least=0.8850001), False),
        (Criterion("ece", at_most=0.05), True),
        (Criterion("ece", at_most=0.0499), False),
        (Criterion("loss", equals=0.3), True),
        (Criterion("loss", equals=0.30001), False),
        (GAIN, True),
        (replace(GAIN, by=0.055), True),
        (replace(GAIN, by=0.056), False),
        (Criterion("ece", gain_over="baseline", by=0.02), True),
        (Criterion("ece", gain_over="baseline", by=0.021), False),
    ],
)
def test_each_demand_is_held_to_its_threshold(criterion: Criterion, passes: bool) -> None:
    assert one(criterion).passed is passes


def test_a_finding_shows_the_numbers_that_decided() -> None:
    assert one(Criterion("accuracy", at_least=0.88, severity="major")) == Finding(
        "accuracy", ">=", 0.88, 0.885, True, "major", 1820, (0.87, 0.9)
    )
    assert one(GAIN) == Finding("accuracy", "gain >=", 0.0, 0.055, True, "critical", 1820, (0.055, 0.089))
    lower_is_better = one(Criterion("ece", gain_over="baseline"))
    assert (lower_is_better.observed, lower_is_better.interval) == (0.02, (0.02, 0.04))


def test_the_verdict_names_its_evidence_and_who_judged() -> None:
    verdict = judge(REPORT, [GAIN], better=BETTER, judged_by="runner")
    assert (verdict.run, verdict.stage, verdict.judged_by) == ("r_1", "evaluate", "runner")
    assert verdict.report_digest == json_digest(to_dict(REPORT))
    assert judge(REPORT, [GAIN], better=BETTER).judged_by == "home"
    assert from_dict(Verdict, to_dict(verdict)) == verdict


def test_a_gain_that_may_be_harm_does_not_pass() -> None:
    unsure = replace(REPORT, metrics={"accuracy": replace(ACCURACY, difference_interval=(-0.001, 0.089))})
    assert not one(GAIN, unsure).passed
    assert one(replace(GAIN, by=-0.01), unsure).passed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"difference_interval": None}, "no interval"),
        ({"difference_interval": (0.05,)}, "no interval"),
        ({"difference_interval": (0.05, NAN)}, "no interval"),
        ({"difference_interval": (NAN, 0.05)}, "no interval"),
        ({"difference_interval": (0.05, INF)}, "no interval"),
        ({"difference_interval": (0.09, 0.05)}, "no interval"),
        ({"baseline": None}, "absent or not finite"),
        ({"difference": NAN}, "absent or not finite"),
        ({"value": None}, "absent or not finite"),
        ({"difference": 0.2}, "not the value minus the baseline"),
    ],
)
def test_a_gain_without_sound_numbers_fails_with_the_reason(change, reason: str) -> None:
    finding = one(GAIN, replace(REPORT, metrics={"accuracy": replace(ACCURACY, **change)}))
    assert not finding.passed and finding.observed is None
    assert reason in finding.reason


@pytest.mark.parametrize("better", [{}, {"accuracy": "up"}, {"ece": "max"}])
def test_a_gain_in_no_known_direction_fails(better) -> None:
    finding = one(GAIN, better=better)
    assert not finding.passed and "which way is better" in finding.reason
    assert not judge(REPORT, [GAIN]).criteria[0].passed


@pytest.mark.parametrize(
    "demand", [{"at_least": -1e9}, {"at_most": 1e9}, {"equals": 0.0}, {"gain_over": "baseline", "by": -1e9}]
)
@pytest.mark.parametrize("value", [NAN, INF, -INF, None])
def test_a_value_that_is_no_number_never_passes(demand, value) -> None:
    broken = Measure(value, (0.0, 1.0), value, value, (value, value) if value is not None else None)
    verdict = judge(replace(REPORT, metrics={"m": broken}), [Criterion("m", **demand)], better={"m": "max"})
    assert verdict.decision == "rollback"
    assert verdict.criteria[0].observed is None and verdict.criteria[0].reason


def test_a_missing_metric_fails_by_name() -> None:
    for criterion in (Criterion("f1", at_least=0.0), Criterion("f1", gain_over="baseline")):
        finding = one(criterion)
        assert not finding.passed and "no metric 'f1'" in finding.reason


@pytest.mark.parametrize("n", [0, -1])
def test_no_rows_behind_a_report_never_pass(n: int) -> None:
    finding = one(Criterion("accuracy", at_least=0.0), replace(REPORT, n=n))
    assert not finding.passed and "no rows" in finding.reason


def test_an_empty_gate_is_refused_and_not_passed() -> None:
    with pytest.raises(Refused, match="'evaluate' has no criteria"):
        judge(REPORT, [])


@pytest.mark.parametrize(
    ("criterion", "said"),
    [
        (Criterion("accuracy"), "exactly one of"),
        (Criterion("accuracy", at_least=0.1, at_most=0.2), "exactly one of"),
        (Criterion("accuracy", at_least=NAN), "finite threshold, not nan"),
        (Criterion("accuracy", at_most=INF), "finite threshold, not inf"),
        (Criterion("accuracy", gain_over="baseline", by=NAN), "finite threshold"),
        (Criterion("accuracy", gain_over="head"), "only 'baseline'"),
        (Criterion("accuracy", at_least=0.1, by=0.1), "only goes with gain_over"),
        (Criterion("accuracy", at_least=0.1, severity="minor"), "critical or major"),
    ],
)
def test_a_criterion_that_means_nothing_is_refused(criterion: Criterion, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        judge(REPORT, [criterion])


@pytest.mark.parametrize(
    ("failed", "decision"),
    [
        ([], "advance"),
        (["major"], "review"),
        (["major", "major"], "review"),
        (["critical"], "rollback"),
        (["major", "critical"], "rollback"),
        (["unheard of"], "rollback"),
    ],
)
def test_one_critical_miss_outweighs_any_number_of_major_ones(failed, decision: str) -> None:
    passed = [Finding("m", ">=", 0.0, 1.0, True, severity) for severity in ("critical", "major")]
    assert decide([*passed, *(Finding("m", ">=", 1.0, 0.0, False, severity) for severity in failed)]) == decision


VALUES = st.one_of(st.none(), st.floats(), st.floats(-1, 1))
SEVERITIES = st.sampled_from(["critical", "major"])


@st.composite
def criteria(draw) -> Criterion:
    """Any criterion that can be judged."""
    kind, bound = draw(st.sampled_from(["at_least", "at_most", "equals", "gain"])), draw(st.floats(-1, 1))
    common = {"metric": draw(st.sampled_from(["a", "b", "absent"])), "severity": draw(SEVERITIES)}
    if kind == "gain":
        return Criterion(gain_over="baseline", by=bound, **common)
    return Criterion(**{kind: bound}, **common)


@st.composite
def measures(draw) -> Measure:
    value, baseline = draw(VALUES), draw(VALUES)
    difference = draw(VALUES) if value is None or baseline is None or draw(st.booleans()) else value - baseline
    interval = draw(st.none() | st.tuples(st.floats(-1, 1), st.floats(-1, 1)))
    return Measure(value, None, baseline, difference, interval)


REPORTS = st.builds(
    lambda a, b, n: Report("r", "evaluate", n, {"a": a, "b": b}), measures(), measures(), st.integers(0, 3)
)
DIRECTIONS = {"a": "max", "b": "min"}


@given(REPORTS, st.lists(criteria(), min_size=1, max_size=4), st.data())
def test_tightening_never_helps(report: Report, loose: list[Criterion], data) -> None:
    """Raise a bound, raise a severity or add a line: the decision never gets milder."""
    strict = [_tightened(criterion, data) for criterion in loose] + data.draw(st.lists(criteria(), max_size=2))
    assert all(is_as_strict(ours, theirs) for ours, theirs in zip(strict, loose, strict=False))
    before, after = judge(report, loose, better=DIRECTIONS), judge(report, strict, better=DIRECTIONS)
    assert GRAVITY[after.decision] >= GRAVITY[before.decision]


def _tightened(criterion: Criterion, data) -> Criterion:
    more = data.draw(st.floats(0, 1))
    severity = data.draw(SEVERITIES) if criterion.severity == "major" else "critical"
    if criterion.at_least is not None:
        return replace(criterion, at_least=criterion.at_least + more, severity=severity)
    if criterion.at_most is not None:
        return replace(criterion, at_most=criterion.at_most - more, severity=severity)
    if criterion.equals is not None:
        return replace(criterion, severity=severity)
    return replace(criterion, by=criterion.by + more, severity=severity)


@given(REPORTS, st.lists(criteria(), min_size=1, max_size=4))
def test_whatever_passes_was_finite_and_counted(report: Report, asked: list[Criterion]) -> None:
    verdict = judge(report, asked, better=DIRECTIONS)
    assert len(verdict.criteria) == len(asked)
    for finding in verdict.criteria:
        assert not finding.passed or (abs(finding.observed) < INF and report.n > 0 and not finding.reason)
    assert (verdict.decision == "advance") == all(finding.passed for finding in verdict.criteria)
    assert judge(report, asked, better=DIRECTIONS) == verdict


@given(REPORTS, st.lists(criteria(), min_size=2, max_size=4))
def test_the_order_of_criteria_does_not_change_the_decision(report: Report, asked: list[Criterion]) -> None:
    backwards = judge(report, asked[::-1], better=DIRECTIONS)
    assert backwards.decision == judge(report, asked, better=DIRECTIONS).decision


def test_a_value_that_is_text_is_an_error_in_words() -> None:
    with pytest.raises(UsageError, match=r"metrics\.accuracy\.value.*must be a number, not the text '0\.9'"):
        judge(replace(REPORT, metrics={"accuracy": Measure("0.9")}), [Criterion("accuracy", at_least=0.8)])
