"""What every child process of a run begins with: its run folder, recipe, kind code, journal and limits."""

from __future__ import annotations

import importlib
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram import files, registry
from engram.errors import Cancelled, EngramError, Paused
from engram.pipeline import control
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import Journal
from engram.pipeline.nursery import Nursery
from engram.schema.card import KindCard, TaskCard
from engram.schema.recipe import Recipe

if TYPE_CHECKING:
    from engram.pipeline.protocol import TaskCode

FAILED = 70  # exit status of a child whose error is told in its journal


@dataclass(frozen=True)
class Spec:
    """What a child is told: which run and attempt, where the home is, who its parent is and how much it may use.

    threads: of all processes of the training together. workers: processes that train. epoch: of the run's leases.
    """

    run: str
    attempt: int
    home: str
    parent: int
    threads: int
    workers: int = 1
    epoch: int = 1


@dataclass(frozen=True)
class Context:
    """A child's surroundings."""

    spec: Spec
    folder: RunFolder
    recipe: Recipe
    card: KindCard
    journal: Journal
    nursery: Nursery | None = None  # from which the judge has clean processes

    @property
    def home(self) -> Path:
        """The home folder."""
        return Path(self.spec.home)

    @property
    def threads(self) -> int:
        """The threads of this process."""
        return max(1, self.spec.threads // int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def task(self) -> TaskCard:
        """The card of the recipe's task."""
        return self.card.tasks[self.recipe.task]

    def code(self) -> TaskCode:
        """Load what the kind does for the recipe's task; this is where torch comes in."""
        import torch

        from engram.train.host_memory import keep_freed

        torch.set_num_threads(self.threads)
        keep_freed()  # each batch needs the blocks of the batch before again
        found: TaskCode = importlib.import_module(self.card.code).task(self.recipe.task)
        return found

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Return a callback that reports (done, total) of something, at most a hundred times, and obeys commands."""
        last, command = -1, control.listener(self.folder.control, self.spec.parent)

        def report(done: int, total: int) -> None:
            nonlocal last
            percent = 100 * done // max(1, total)
            if percent != last:
                last = percent
                self.journal.emit("progress", {"what": what, "done": done, "total": total})
                obey(command())

        return report


def enter(attempt_folder: Path) -> Context:
    """Read the spec of an attempt and open its journal."""
    spec = Spec(**files.read_json(attempt_folder / "spec.json"))
    folder = RunFolder(attempt_folder.parent)
    recipe = folder.recipe()
    journal = Journal(attempt_folder / "journal.jsonl" if is_first() else None, spec.run, spec.attempt, spec.epoch)
    return Context(spec, folder, recipe, registry.get("kind", recipe.kind), journal)


def is_first() -> bool:
    """Tell whether this process speaks and writes for all that torchrun started; one alone always does."""
    return os.environ.get("RANK", "0") == "0"


def child_main(work: Callable[[Context, list[str]], None], arguments: list[str]) -> int:
    """Run a child's work; an error is told in the journal, for the parent to raise again by its name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what a Ctrl-C means
    attempt = Path(arguments[0])
    if is_first():
        files.write_atomic(attempt / "pid", str(os.getpid()).encode())
    context = enter(attempt)
    try:
        work(context, arguments[1:])
    except EngramError as error:
        if not is_first():
            traceback.print_exc()
        context.journal.emit("error", describe(error))
        return FAILED
    except Exception as error:
        traceback.print_exc()
        said = {"type": "PlatformError", "message": f"{type(error).__name__}: {error}", "remedy": ""}
        context.journal.emit("error", said)
        return FAILED
    finally:
        context.journal.close()
        if is_first():
            (attempt / "pid").unlink(missing_ok=True)
    return 0


def obey(command: str) -> None:
    """Stop here when the controlling side wants it; what the stage had measured so far is measured again.

    Raises Paused or Cancelled.
    """
    if command == "pause":
        raise Paused("Paused.", remedy="`engram runs resume` goes on with this stage.")
    if command == "cancel":
        raise Cancelled("Cancelled.", remedy="`engram runs resume` goes on with this stage.")


def describe(error: EngramError) -> dict[str, Any]:
    """Return an error as plain data."""
    return {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}
