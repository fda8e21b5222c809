"""Starting the two halves as processes of their own and following what they say until they end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engram import errors, files, registry
from engram.errors import ChildFailed, EngramError
from engram.pipeline import control
from engram.pipeline.context import FAILED, Spec
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import Follower
from engram.pipeline.nursery import Child, Nursery, nursery
from engram.proc import command_of, crashpoint, kill_hard, python_child
from engram.schema.card import KindCard
from engram.schema.event import Event

Watch = Callable[[Event], None]
POLL_SECONDS = 0.05
CANCEL_GRACE_SECONDS = 30.0
PRELOAD = ("engram.pipeline.context", "engram.pipeline.measure")  # the children's own


def write_spec(folder: RunFolder, attempt: int, home: Path, threads: int, workers: int = 1, epoch: int = 1) -> Path:
    """Write what the children of an attempt need to know, and return the attempt's folder."""
    target = folder.attempt(attempt)
    target.mkdir(parents=True, exist_ok=True)
    spec = Spec(folder.id, attempt, str(home.resolve()), os.getpid(), threads, workers, epoch)
    files.write_json(target / "spec.json", asdict(spec))
    return target


def settle(folder: RunFolder) -> None:
    """See to it that no child of an earlier attempt is still at work: wait for it to notice, then end it.

    A child whose parent was killed stops between two steps. Until it has, nobody else may write where it writes.
    """
    for attempt in folder.attempts():
        path = attempt / "pid"
        if not path.exists():
            continue
        pid, until = int(path.read_text() or 0), time.monotonic() + CANCEL_GRACE_SECONDS
        while str(attempt) in command_of(pid):
            if time.monotonic() > until:
                kill_hard(pid)
            time.sleep(POLL_SECONDS)
        path.unlink(missing_ok=True)


def nursery_of(folder: RunFolder, attempt: Path) -> AbstractContextManager[Nursery | None]:
    """Return what keeps a nursery for the children of an attempt, which imports what the run's kind needs."""
    card: KindCard = registry.get("kind", folder.recipe().kind)
    return nursery(attempt, [*PRELOAD, *card.preload], _quiet())


def run_child(
    module: str,
    attempt: Path,
    arguments: list[str],
    watch: Watch,
    workers: int = 1,
    nursery: Nursery | None = None,
) -> None:
    """Run one half to its end, handing every event to `watch`; several workers are started by torchrun.

    A Ctrl-C asks the child to stop between steps and waits; a second one, or 30 s of silence after the first, ends it.

    Raises the child's own error (told in its journal), or ChildFailed when it ended without a word.
    """
    log = attempt / f"{module.rsplit('.', 1)[-1]}.log"
    follower = Follower(attempt / "journal.jsonl")
    follower.skip()
    child = _start(module, [str(attempt), *arguments], log, workers, nursery)
    said: list[EngramError] = []
    asked_at: float | None = None
    try:
        with counted_interrupts() as presses:
            answered = 0
            while True:
                ended = child.poll() is not None
                for event in follower.read():
                    if event.type == "error":
                        said.append(_raised(event.body))
                    watch(event)
                    crashpoint("run.after-event")
                if ended:
                    break
                if asked_at is not None and time.monotonic() - asked_at > CANCEL_GRACE_SECONDS:
                    _end(child, workers)
                if presses() > answered:
                    if asked_at is not None:
                        _end(child, workers)
                    answered, asked_at = presses(), time.monotonic()
                    control.send(attempt.parent / "control.json", "cancel")
                time.sleep(POLL_SECONDS)
    finally:
        if child.poll() is None:
            _end(child, workers)
            child.wait()
    if said:
        raise said[-1]
    if asked_at is not None:
        raise errors.Cancelled("Cancelled.", remedy="`engram train --resume last` goes on from the last checkpoint.")
    if child.returncode != 0:
        raise ChildFailed(
            f"The {module.rsplit('.', 1)[-1]} process ended with status {child.returncode}"
            f"{' and told no reason' if child.returncode != FAILED else ''}.",
            remedy=f"Its output is in {log}. `engram train --resume {attempt.parent.name}` goes on.",
        )


@contextmanager
def counted_interrupts() -> Iterator[Callable[[], int]]:
    """Count what Ctrl-C would raise, wherever the program happens to be: in some places such an exception is lost.

    Yields a function that returns how often it was pressed; outside the main thread nobody hears it.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield lambda: len(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def _start(module: str, arguments: list[str], log: Path, workers: int, nursery: Nursery | None) -> Child:
    """Start a child; torchrun finds a free port of the loopback for its processes."""
    if workers > 1:
        here = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(workers)]
        return python_child("torch.distributed.run", [*here, "-m", module, *arguments], environment=_quiet(), log=log)
    forked = nursery.start(module, arguments, log) if nursery else None
    return forked or python_child(module, arguments, environment=_quiet(), log=log)


def _end(child: Child, workers: int) -> None:
    """End a child at once; torchrun is asked to, because only it knows the processes that it started."""
    if workers == 1:
        kill_hard(child.pid)
    else:
        os.kill(child.pid, signal.SIGTERM)


def _raised(body: Mapping[str, Any]) -> EngramError:
    """Build the error that a child told: its class by name, from the tree in engram.errors."""
    cls = getattr(errors, str(body["type"]), None)
    if not (isinstance(cls, type) and issubclass(cls, EngramError)):
        cls = errors.PlatformError
    error = cls.__new__(cls)
    EngramError.__init__(error, str(body["message"]), remedy=str(body.get("remedy", "")))
    return error


def _quiet() -> dict[str, str]:
    """Return the environment that keeps libraries from drawing bars, from forking after threads have started and from
    burning a core while a thread waits for another one that has none.
    """
    return {
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    }
