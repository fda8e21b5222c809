"""The story of a run, on one page.

    data → baseline → train → evaluate → export → simulate → publish

`tell` tells it. The judge half measures and judges, the worker half trains, and this process never loads a model. Its
authority declares before training what will be judged, checks the evidence of every verdict, and signs: with `execute`
that is this process too, which then holds the home.
Every step finds what an earlier attempt has finished and passes over it, so a run goes on wherever it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engram.artifacts.opened import Keys
from engram.artifacts.store import recover
from engram.errors import Cancelled, EngramError, NeedsReview, Paused, PlatformError, Refused
from engram.files import home_lock
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger
from engram.pipeline import control
from engram.pipeline.authority import Authority, Home
from engram.pipeline.children import Watch, nursery_of, run_child, settle, write_spec
from engram.pipeline.folder import RunFolder
from engram.pipeline.nursery import Nursery
from engram.schema.event import Event
from engram.schema.run import RunRecord
from engram.schema.state import State, step

OnState = Callable[[RunRecord], None]
JUDGE, WORKER = "engram.pipeline.judge", "engram.pipeline.worker"
FIRST_HALF, SECOND_HALF = ("data", "baseline"), ("train", "evaluate", "export", "simulate")


@dataclass(frozen=True)
class Story:
    """What `execute` carries from step to step."""

    folder: RunFolder
    authority: Authority
    attempt: Path
    nursery: Nursery | None
    workers: int
    watch: Watch
    on_state: OnState


def execute(
    folder: RunFolder,
    home: Path,
    threads: int,
    watch: Watch,
    *,
    baseline_only: bool = False,
    workers: int = 1,
    on_state: OnState = lambda record: None,
    keys: Keys | None = None,
) -> RunRecord:
    """Take a run from where it stands to its artifact, and return its record; `workers` processes train.

    Raises Refused or NeedsReview (a gate), Cancelled or Paused (a command), or the error that stopped it; the record
    says the same, and whatever was finished stays finished.
    """
    with home_lock(home, f"run {folder.id}"):
        settle(folder)
        recover(home / "artifacts", keys)
        control.clear(folder.control)
        place = write_spec(folder, len(folder.attempts()) + 1, home, threads, workers)
        authority = Home(folder, home, open_ledger(home), keys)
        return attempt(folder, place, authority, watch, workers, baseline_only=baseline_only, on_state=on_state)


def attempt(
    folder: RunFolder,
    place: Path,
    authority: Authority,
    watch: Watch,
    workers: int = 1,
    *,
    baseline_only: bool = False,
    on_state: OnState = lambda record: None,
) -> RunRecord:
    """Take a run as far as one attempt gets, and return its record; no other attempt is at work.

    place: the attempt's folder, with its spec.

    Raises what stopped it; the record says the same.
    """
    number = int(place.name.removeprefix("attempt-"))
    move(folder, _present(folder.record().state), "running", on_state, attempt=number)
    try:
        with nursery_of(folder, place) as nursery:
            done = tell(Story(folder, authority, place, nursery, workers, watch, on_state), baseline_only)
        if not done:
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
    story.authority.declare()
    judge(story, FIRST_HALF[1:])
    if baseline_only:
        return False
    if not story.folder.candidate.exists():
        enter_stage(story, "train")
        if story.folder.trained_elsewhere:
            raise Paused("It waits for its trainer.", remedy=f"engram trainer --model_template_id {story.folder.id} …")
        run_child(WORKER, story.attempt, [], story.watch, story.workers, story.nursery)
    judge(story, SECOND_HALF)
    enter_stage(story, "publish")
    artifact, metrics = story.authority.publish()
    move(story.folder, "running", "published", story.on_state, artifact=artifact, metrics=metrics, stage="publish")
    return True


def judge(story: Story, stages: Sequence[str]) -> None:
    """Let the judge half go through some stages, then believe only verdicts whose evidence holds."""
    todo = list(stages)
    while todo and story.folder.is_done(todo[0]):
        story.authority.judged(todo.pop(0))  # what waits for a person keeps everything behind it waiting
    if todo:
        enter_stage(story, todo[0])
        run_child(JUDGE, story.attempt, todo, _staged(story), nursery=story.nursery)
    for stage in todo:
        story.authority.judged(stage)


def move(folder: RunFolder, now: State, then: State, on_state: OnState, **changes: object) -> RunRecord:
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


def _present(state: State) -> State:
    """A run that says `running` while nobody holds its home has lost its process."""
    return "lost_contact" if state == "running" else state


def _staged(story: Story) -> Watch:
    def watch(event: Event) -> None:
        if event.type == "started":
            enter_stage(story, event.stage)
        story.watch(event)

    return watch
