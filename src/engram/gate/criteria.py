"""The gate: a report and its criteria in, a verdict out. Pure, and closed: what can't be shown has not passed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from engram.errors import Refused, UsageError
from engram.gate.digest import report_digest, settled
from engram.schema.criterion import Criterion
from engram.schema.report import Measure, Report
from engram.schema.verdict import Decision, Finding, Verdict

# Two subtractions of the same doubles agree to far less than this; a difference that was made up does not.
ROUNDING = 1e-9


def judge(
    report: Report, criteria: Sequence[Criterion], *, better: Mapping[str, str] | None = None, judged_by: str = "home"
) -> Verdict:
    """Judge one stage's report.

    A criterion fails, with its reason, when its metric is absent or not finite, or when the report has no rows behind
    it. `gain_over` looks at the lower end of the difference's interval, in the direction that `better` gives for the
    metric (``max`` or ``min``); it fails without an interval or a direction.

    A stage that has no criteria has no gate, and whoever runs it must not ask for a verdict: Refused is raised, because
    a check that cannot fail is no check. UsageError is raised for a criterion that does not say exactly one thing.

    >>> report = Report("r1", "evaluate", 100, {"accuracy": Measure(0.9)})
    >>> judge(report, [Criterion("accuracy", at_least=0.88)]).decision
    'advance'
    >>> judge(report, [Criterion("accuracy", at_least=0.95, severity="major")]).decision
    'review'
    """
    if not criteria:
        raise Refused(
            f"The gate of stage {report.stage!r} has no criteria, so nothing can pass it.",
            remedy="Declare at least one criterion for this stage under 'gates'.",
        )
    for criterion in criteria:
        check_criterion(criterion)
    report = settled(report)
    findings = tuple(_find(report, criterion, better or {}) for criterion in criteria)
    return Verdict(report.run, report.stage, decide(findings), findings, report_digest(report), judged_by)


def decide(findings: Iterable[Finding]) -> Decision:
    """Return what the findings amount to: a failed critical one outweighs any number of failed major ones."""
    failed = {finding.severity for finding in findings if not finding.passed}
    if failed - {"major"}:
        return "rollback"
    return "review" if failed else "advance"


def check_criterion(criterion: Criterion) -> None:
    """Refuse a criterion that can't be judged.

    Raises UsageError unless exactly one demand is given, it is a finite number, and the severity is a known one.
    """
    where = f"The criterion on {criterion.metric!r}"
    if not criterion.is_complete():
        raise UsageError(
            f"{where} must give exactly one of at_least, at_most, equals and gain_over.",
            remedy="Write one line for each demand.",
        )
    if criterion.gain_over not in (None, "baseline"):
        raise UsageError(f"{where} asks for a gain over {criterion.gain_over!r}; only 'baseline' is known.")
    if criterion.gain_over is None and criterion.by != 0.0:
        raise UsageError(f"{where} gives 'by', which only goes with gain_over.", remedy="Remove 'by'.")
    if _finite(criterion.demand()[1]) is None:
        raise UsageError(f"{where} must have a finite threshold, not {criterion.demand()[1]!r}.")
    if criterion.severity not in ("critical", "major"):
        raise UsageError(f"{where} must be critical or major, not {criterion.severity!r}.")


def _find(report: Report, criterion: Criterion, better: Mapping[str, str]) -> Finding:
    op, threshold = criterion.demand()
    measure = report.metrics.get(criterion.metric)
    observed: float | None = None
    interval: tuple[float, ...] | None = None
    if measure is None:
        reason = f"the report has no metric {criterion.metric!r}"
    elif criterion.gain_over is None:
        observed, interval = _finite(measure.value), _ordered(measure.interval)
        reason = "" if observed is not None else "the value is absent or not finite"
    else:
        interval, reason = _gain(measure, better.get(criterion.metric, ""))
        observed = interval[0] if interval else None
    if report.n <= 0:
        reason = "there are no rows behind the report"
    passed = not reason and observed is not None and _holds(observed, op, threshold)
    return Finding(criterion.metric, op, threshold, observed, passed, criterion.severity, report.n, interval, reason)


def _gain(measure: Measure, better: str) -> tuple[tuple[float, ...] | None, str]:
    """Return the interval of the gain, where up is better, and the reason when there is none."""
    if better not in ("max", "min"):
        return None, "it is not known which way is better for this metric"
    value, baseline, difference = _finite(measure.value), _finite(measure.baseline), _finite(measure.difference)
    if value is None or baseline is None or difference is None:
        return None, "the value, the baseline or their difference is absent or not finite"
    if abs(value - baseline - difference) > ROUNDING:
        return None, "the difference is not the value minus the baseline"
    ends = _ordered(measure.difference_interval)
    if ends is None:
        return None, "there is no interval of the difference"
    return (ends if better == "max" else (0.0 - ends[1], 0.0 - ends[0])), ""


def _holds(observed: float, op: str, threshold: float) -> bool:
    if op in (">=", "gain >="):
        return observed >= threshold
    return observed <= threshold if op == "<=" else observed == threshold


def _ordered(interval: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if interval is None or len(interval) != 2 or any(_finite(end) is None for end in interval):
        return None
    return interval if interval[0] <= interval[1] else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
