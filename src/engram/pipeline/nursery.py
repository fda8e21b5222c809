"""Children without the wait for their imports: one process imports what is slow, and each child is a fork of it.

    python -m engram.pipeline.nursery SOCKET FOLDER PRELOAD…

A run has half a dozen children, and each would spend seconds on importing the same libraries. The nursery opens no
model and no file of the run and computes nothing, so what it forks is as clean as a new interpreter. Its command line
names the attempt's FOLDER, and so does that of every fork: that is how `settle` knows them. One child at a time.

Linux only: elsewhere libraries start threads or hold handles that don't survive a fork, and children are started the
long way (`proc.python_child`).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from engram.proc import NURSERY_VARIABLE

LOST = -signal.SIGTERM  # the status of a child that nobody is left to tell of
CAN_FORK = sys.platform.startswith("linux")


class Child(Protocol):
    """A process that was started: what `subprocess.Popen` and a nursery's fork have in common."""

    pid: int
    returncode: Any

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""

    def wait(self) -> int:
        """Wait for the end and return the exit status: minus the signal when one ended it."""


class Fork:
    """A child that a nursery started."""

    def __init__(self, said: socket.socket, pid: int) -> None:
        self._said, self.pid = said, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        if self.returncode is None and select.select([self._said], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """Wait for the end and return the exit status: minus the signal when one ended it."""
        if self.returncode is None:
            self.returncode = int(_hear(self._said).get("status", LOST))
        return self.returncode


class Nursery:
    """The near end: asks for children."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked

    def start(self, module: str, arguments: Sequence[str], log: Path) -> Child | None:
        """Start ``python -m module arguments`` as a fork, its output going to ``log``; None if the nursery is gone."""
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            _say(self._asked, {"module": module, "arguments": list(arguments), "log": str(log)})
            return Fork(self._asked, int(_hear(self._asked)["pid"]))
        except (OSError, KeyError):
            return None


@contextlib.contextmanager
def nursery(folder: Path, preload: Sequence[str], environment: Mapping[str, str]) -> Iterator[Nursery | None]:
    """Keep a nursery beside a run's attempt while the block lasts; None where there are no forks.

    preload: modules to import; one that is not installed is left out, and the child that needs it says so.
    """
    if not CAN_FORK:
        yield None
        return
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "engram.pipeline.nursery", str(theirs.fileno()), str(folder), *preload]
    with (folder / "nursery.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    theirs.close()
    try:
        yield Nursery(ours)
    finally:
        ours.close()
        process.kill()  # it may be at its imports, and holds nothing; a child of it notices that it is an orphan
        process.wait()


@contextlib.contextmanager
def twin() -> Iterator[Nursery | None]:
    """Keep a fork of this process as it is now, from which clean children can be had whatever it loads later."""
    if not CAN_FORK:
        yield None
        return
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve(theirs, os._exit)
        os._exit(0)
    theirs.close()
    try:
        yield Nursery(ours)
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _serve(asked: socket.socket, end: Callable[[int], Any]) -> None:
    """Fork a child for each request until nobody is left to ask; `end` leaves a child with its status."""
    while request := _hear(asked):
        pid = os.fork()
        if pid == 0:
            asked.close()
            end(_become(request))
        try:
            _say(asked, {"pid": pid})
            _, status = os.waitpid(pid, 0)
            _say(asked, {"status": os.waitstatus_to_exitcode(status)})
        except OSError:  # who asked is gone; the child sees that by itself
            return


def _become(request: Mapping[str, Any]) -> int:
    """Run a module in this new process as ``python -m`` would, and return its exit status."""
    os.setsid()
    for target, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT),
    ):
        opened = os.open(name, flags, 0o666)
        os.dup2(opened, target)
        os.close(opened)
    os.dup2(1, 2)
    sys.argv[1:] = request["arguments"]
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _say(line: socket.socket, body: Mapping[str, Any]) -> None:
    line.sendall(json.dumps(body).encode() + b"\n")


def _hear(line: socket.socket) -> dict[str, Any]:
    """Return the next message, or an empty one when the other end is gone."""
    found = b""
    with contextlib.suppress(OSError):
        while not found.endswith(b"\n"):
            part = line.recv(1)  # never past the end of a message: the rest belongs to whoever asks next
            if not part:
                return {}
            found += part
    said: dict[str, Any] = json.loads(found or b"{}")
    return said


def main(arguments: Sequence[str]) -> None:
    """Import what was asked for, then serve."""
    asked = socket.socket(fileno=int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the command line's to answer
    os.environ[NURSERY_VARIABLE] = "1"
    # Libraries ask for GPUs when they are imported; asked this way the driver is not started, and forks can use it.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    gc.disable()  # what is imported stays: looking for garbage in between takes a sixth of the time
    for name in arguments[2:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # collections in the forks leave the shared pages alone
    gc.enable()
    _serve(asked, _leave)


def _leave(status: int) -> NoReturn:
    """End this process as an interpreter ends, but for taking apart what was imported, which takes half a second."""
    threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends its forks
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
