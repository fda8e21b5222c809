"""The story of a run, on one page.

    data → baseline → train → evaluate → export → simulate → publish

`execute` tells it. The judge half measures and judges, the worker half trains, and this process, which never loads a
model, holds the home, declares before training what will be judged, checks the evidence of every verdict, and signs.
Every step finds what an earlier attempt has finished and passes over it, so a run goes on wherever it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engram import registry
from engram.artifacts.store import recover
from engram.errors import Cancelled, EngramError, NeedsReview, Paused, PlatformError, Refused
from engram.files import home_lock
from engram.gate.digest import report_digest, verdict_digest
from engram.gate.evidence import check_evidence
from engram.gate.review import is_cleared
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger
from engram.pipeline import control
from engram.pipeline.children import Watch, nursery_of, run_child, settle, write_spec
from engram.pipeline.declare import check_split, declare, declared_digest
from engram.pipeline.directions import directions
from engram.pipeline.folder import RunFolder
from engram.pipeline.nursery import Nursery
from engram.pipeline.publish import publish
from engram.schema.event import Event
from engram.schema.run import RunRecord
from engram.schema.state import State, step
from engram.schema.verdict import Finding

JUDGE, WORKER = "engram.pipeline.judge", "engram.pipeline.worker"
FIRST_HALF, SECOND_HALF = ("data", "baseline"), ("train", "evaluate", "export", "simulate")


@dataclass(frozen=True)
class Story:
    """What `execute` carries from step to step."""

    folder: RunFolder
    home: Path
    attempt: Path
    nursery: Nursery | None
    workers: int
    ledger: Ledger
    watch: Watch
    on_state: Callable[[RunRecord], None]


def execute(
    folder: RunFolder,
    home: Path,
    threads: int,
    watch: Watch,
    *,
    baseline_only: bool = False,
    workers: int = 1,
    on_state: Callable[[RunRecord], None] = lambda record: None,
) -> RunRecord:
    """Take a run from where it stands to its artifact, and return its record; `workers` processes train.

    Raises Refused or NeedsReview (a gate), Cancelled or Paused (a command), or the error that stopped it; the record
    says the same, and whatever was finished stays finished.
    """
    with home_lock(home, f"run {folder.id}"):
        settle(folder)
        recover(home / "artifacts")
        ledger = open_ledger(home)
        record = move(folder, _present(folder.record().state), "running", on_state, attempt=len(folder.attempts()) + 1)
        control.clear(folder.control)
        attempt = write_spec(folder, record.attempt, home, threads, workers)
        try:
            with nursery_of(folder, attempt) as nursery:
                story = Story(folder, home, attempt, nursery, workers, ledger, watch, on_state)
                told = tell(story, baseline_only)
            if not told:
                return move(folder, "running", "paused", on_state, reason="baseline only")
        except EngramError as error:
            move(folder, "running", ending(error), on_state, reason=str(error))
            raise
        except BaseException:
            move(folder, "running", "failed_platform", on_state, reason="the process was interrupted")
            raise
        return folder.record()


def tell(story: Story, baseline_only: bool) -> bool:
    """Go through the run; False when it ends early on purpose."""
    judge(story, FIRST_HALF[:1])
    declare(story.folder, story.home, story.ledger)
    judge(story, FIRST_HALF[1:])
    if baseline_only:
        return False
    if not story.folder.candidate.exists():
        enter_stage(story, "train")
        run_child(WORKER, story.attempt, [], story.watch, story.workers, story.nursery)
    judge(story, SECOND_HALF)
    enter_stage(story, "publish")
    artifact, metrics = publish(story.folder, story.home, story.ledger)
    move(story.folder, "running", "published", story.on_state, artifact=artifact, metrics=metrics, stage="publish")
    return True


def judge(story: Story, stages: Sequence[str]) -> None:
    """Let the judge half go through some stages, then believe only verdicts whose evidence holds."""
    todo = list(stages)
    while todo and _done(story.folder, todo[0]):
        check_stage(story, todo.pop(0))  # what waits for a person keeps everything behind it waiting
    if todo:
        enter_stage(story, todo[0])
        run_child(JUDGE, story.attempt, todo, _staged(story), nursery=story.nursery)
    for stage in todo:
        check_stage(story, stage)


def check_stage(story: Story, stage: str) -> None:
    """Check one verdict's evidence, enter it in the ledger once, and stop the run unless it advances.

    Raises Refused for a rollback or evidence that doesn't hold, NeedsReview when a person must decide.
    """
    folder = story.folder
    gates, verdict, report = folder.gates(), folder.verdict(stage), folder.report(stage)
    if stage not in gates:
        return
    recipe = folder.recipe()
    better = directions(registry.get("kind", recipe.kind).tasks[recipe.task], recipe)
    check_evidence(verdict, report, declared_digest(folder), gates, run=folder.id, better=better)
    if verdict is None or report is None:
        raise PlatformError(f"Stage {stage} left no verdict.")
    check_split(folder, report)
    body = {
        "stage": stage,
        "decision": verdict.decision,
        "verdict": verdict_digest(verdict),
        "report": report_digest(report),
    }
    if not any(entry.body == body for entry in story.ledger.find("run.judged", folder.id)):
        story.ledger.append("run.judged", folder.id, body)
    if stage == "simulate" or is_cleared(verdict, folder.reviews()):
        return
    missed = "; ".join(_say(one) for one in verdict.criteria if not one.passed)
    if verdict.decision == "review":
        raise NeedsReview(
            f"The gate of stage {stage} wants a person to decide: {missed}.",
            remedy=f"`engram report {folder.id}` shows the evidence, `engram runs review {folder.id}` decides.",
        )
    story.ledger.append("run.refused", folder.id, {"stage": stage, "verdict": verdict_digest(verdict)})
    raise Refused(
        f"The gate of stage {stage} refused: {missed}.",
        remedy=f"Nothing was published. `engram report {folder.id}` shows the evidence.",
    )


def _say(one: Finding) -> str:
    seen = "nothing" if one.observed is None else format(one.observed, ".4g")
    return f"{one.metric} {one.op} {one.threshold:g}, observed {seen}{f' ({one.reason})' if one.reason else ''}"


def move(
    folder: RunFolder, now: State, then: State, on_state: Callable[[RunRecord], None], **changes: object
) -> RunRecord:
    """Write the run's next state."""
    record = replace(folder.record(), state=step(now, then), **{"reason": "", **changes})  # type: ignore[arg-type]
    folder.save_record(record)
    on_state(record)
    return record


def enter_stage(story: Story, stage: str) -> None:
    """Write which stage the run is in."""
    record = replace(story.folder.record(), stage=stage)
    story.folder.save_record(record)
    story.on_state(record)


def ending(error: EngramError) -> State:
    """Return the state in which an error leaves a run; user error, platform error and refusal are different things."""
    if isinstance(error, NeedsReview):
        return "awaiting_review"
    if isinstance(error, Refused):
        return "refused"
    if isinstance(error, Paused):
        return "paused"
    if isinstance(error, Cancelled):
        return "cancelled"
    return "failed_platform" if isinstance(error, PlatformError) else "failed_user"


def open_ledger(home: Path) -> Ledger:
    """Open the home's ledger to write, making key and ledger at first use."""
    ledger = Ledger.open(home / "ledger", load_or_create_signer(home / "keys"))
    if ledger.size == 0:
        ledger.append("home.created", ledger.key.id, {})
    return ledger


def _done(folder: RunFolder, stage: str) -> bool:
    if folder.report(stage) is None:
        return False
    return stage not in folder.gates() or folder.verdict(stage) is not None


def _present(state: State) -> State:
    """A run that says `running` while nobody holds its home has lost its process."""
    return "lost_contact" if state == "running" else state


def _staged(story: Story) -> Watch:
    def watch(event: Event) -> None:
        if event.type == "started":
            enter_stage(story, event.stage)
        story.watch(event)

    return watch
