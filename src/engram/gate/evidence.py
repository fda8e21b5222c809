"""Evidence: a verdict counts only for its own run, with the very report and the very gates that it was given on."""

from __future__ import annotations

from collections.abc import Mapping

from engram.errors import Refused
from engram.gate.criteria import judge
from engram.gate.digest import declaration_digest, report_digest, settled
from engram.schema.criterion import Criterion
from engram.schema.report import Report
from engram.schema.verdict import Verdict


def check_evidence(
    verdict: Verdict | None,
    report: Report | None,
    declared_digest: str,
    gates: Mapping[str, tuple[Criterion, ...]],
    *,
    run: str,
    better: Mapping[str, str],
) -> None:
    """Refuse a verdict that is not what the declared gates say of the run's own report.

    run: the run that is to go on. declared_digest: the digest that was declared before training.
    better: metric → ``max`` or ``min``, as given to `judge`.

    Raises Refused, with the reason, when a verdict or report is missing, either belongs to another run or stage, the
    gates are not the declared ones, the report was changed after it was judged, or the verdict is not what judging the
    report again gives.
    """
    if verdict is None or report is None:
        missing = "verdict" if verdict is None else "report"
        raise _refused(f"there is no {missing}")
    if report.run != run or verdict.run != run:
        raise _refused(f"the report is of run {report.run!r} and the verdict of run {verdict.run!r}, not of {run!r}")
    if verdict.stage != report.stage:
        raise _refused(f"the verdict is on stage {verdict.stage!r} and the report on stage {report.stage!r}")
    actual = declaration_digest(gates)
    if actual != declared_digest:
        raise _refused(f"the gates ({actual}) are not the ones declared before training ({declared_digest})")
    if not gates.get(verdict.stage):
        raise _refused(f"no gate was declared for stage {verdict.stage!r}")
    if report_digest(report) != verdict.report_digest:
        raise _refused("the report was changed after it was judged")
    again = judge(report, gates[verdict.stage], better=better, judged_by=verdict.judged_by)
    if settled(again) != settled(verdict):
        raise _refused(f"judging the report again says {again.decision!r} and does not give this verdict")


def _refused(reason: str) -> Refused:
    return Refused(
        f"The evidence does not hold: {reason}.",
        remedy="Nothing was published. Run the stage again; never edit reports, verdicts or gates of a run.",
    )
