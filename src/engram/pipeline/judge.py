"""The judge half: baseline, evaluate, gates, export, parity, simulate. It runs beside the ledger's key.

    python -m engram.pipeline.judge ATTEMPT_FOLDER STAGE [STAGE …]

Each stage measures, writes its report, and lets its gate judge it. The first verdict that doesn't advance ends the
child; the parent reads the verdict and knows what to do. A stage that is judged already is passed over, so a run that
was interrupted goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from engram.gate.criteria import judge as judge_report
from engram.gate.review import is_cleared
from engram.pipeline import control, measure
from engram.pipeline.context import Context, child_main, obey
from engram.pipeline.directions import directions
from engram.pipeline.nursery import twin
from engram.proc import crashpoint
from engram.schema.report import Report

STAGES: dict[str, Callable[[Context], Report]] = {
    "data": measure.data,
    "baseline": measure.baseline,
    "train": measure.train,
    "evaluate": measure.evaluate,
    "export": measure.export,
    "simulate": measure.simulate,
}

# What an in-process load test finds is reported and certified, and stops nothing: the real one is run by a server.
ADVISORY = frozenset({"simulate"})


def work(context: Context, arguments: list[str]) -> None:
    """Go through the stages in order, as far as their gates allow."""
    if "export" not in arguments:
        return judge(context, arguments)
    with twin() as clean:  # before anything is loaded here
        return judge(replace(context, nursery=clean), arguments)


def judge(context: Context, arguments: list[str]) -> None:
    """Measure, report and judge each stage; end at the first verdict that stops the run."""
    gates, better = context.folder.gates(), directions(context.task, context.recipe)
    command = control.listener(context.folder.control, context.spec.parent)
    for stage in arguments:
        verdict = context.folder.verdict(stage)
        if verdict is not None:
            if stage in ADVISORY or is_cleared(verdict, context.folder.reviews()):
                continue
            return
        if stage not in gates and context.folder.report(stage) is not None:
            continue
        obey(command())
        context.journal.stage = stage
        context.journal.emit("started", {})
        report = STAGES[stage](context)
        context.folder.save_report(report)
        context.journal.emit("report", {name: one.value for name, one in report.metrics.items()})
        crashpoint("judge.after-report")
        if stage not in gates:
            continue
        verdict = judge_report(report, gates[stage], better=better)
        context.folder.save_verdict(verdict)
        crashpoint("judge.after-verdict")
        failed = [one.metric for one in verdict.criteria if not one.passed]
        said = {"decision": verdict.decision, "failed": failed, "advisory": stage in ADVISORY}
        context.journal.emit("verdict", said)
        if verdict.decision != "advance" and stage not in ADVISORY:
            return


if __name__ == "__main__":
    sys.exit(child_main(work, sys.argv[1:]))
