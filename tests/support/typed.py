"""Commands as a person types them, at the price of a fork: one warm process has imported what a run imports.

A command is a fork of the warm process that becomes `engram`, and the nursery of a run is a fork of its command: the
same code, parents, locks, signals and files as when each starts an interpreter, without the seconds of imports. What
such runs leave is held against runs whose processes were started the long way.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from support.fork_server import ForkServer
from support.home import Home

from engram import registry
from engram.pipeline.children import PRELOAD, _quiet
from engram.pipeline.nursery import CAN_FORK

# Beside what a nursery imports: what commands import, and what the baselines of a run do.
WARM = ("engram.cli.main", "engram.cli.train", "engram.cli.runs", "sklearn.linear_model", "sklearn.model_selection")
ROOM = 4096  # bytes for the command line of a fork


@dataclass(frozen=True)
class Typed(Home):
    """A home whose commands are forks of a warm process, where there is one."""

    server: ForkServer | None = None

    def engram(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `engram` with these arguments to its end."""
        if self.server is None:
            return super().engram(*arguments, environment=environment)
        with TemporaryDirectory() as told:
            out, err = Path(told) / "out", Path(told) / "err"
            how = (list(arguments), str(self.folder), self.env(environment), str(out), str(err))
            status = self.server.call(engram, *how)
            return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


@contextmanager
def warm() -> Iterator[ForkServer | None]:
    """Keep a process from which commands are forked while the block lasts; None where a nursery has no forks either."""
    if not CAN_FORK:
        yield None
        return
    modules = (*PRELOAD, *registry.get("kind", "language").preload, *WARM)
    with ForkServer(modules, _quiet(), ROOM) as running:
        yield running


def engram(arguments: Sequence[str], folder: str, environment: Mapping[str, str], out: str, err: str) -> NoReturn:
    """Become `engram` with these arguments in a folder, its output going to two files; never returns."""
    from engram.cli.main import main
    from engram.pipeline import nursery

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, out), (2, err)):
        _put(number, name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.argv = ["engram", *arguments]
    _be_called([sys.executable, "-c", "engram", *arguments])
    nursery.subprocess = _Starting  # type: ignore[attr-defined]
    _end(main)


class _Starting:
    """What a nursery knows of the module subprocess."""

    DEVNULL = subprocess.DEVNULL

    class Popen:
        """A nursery as a fork of this process, with nothing open but what a new process would have."""

        def __init__(
            self, command: list[str], env: Mapping[str, str], stdout: Any, pass_fds: list[int], **_: Any
        ) -> None:
            self.pid = os.fork()
            if self.pid:
                return
            os.setsid()
            _put(0, os.devnull, os.O_RDONLY)
            for number in (1, 2):
                os.dup2(stdout.fileno(), number)
            below = 3
            for kept in sorted(pass_fds):
                os.closerange(below, kept)
                below = kept + 1
            os.closerange(below, os.sysconf("SC_OPEN_MAX"))
            os.environ.clear()
            os.environ.update(env)
            _be_called(command)
            _end(_main_of(command))

        def kill(self) -> None:
            """End it at once."""
            os.kill(self.pid, signal.SIGKILL)

        def wait(self) -> int:
            """Wait for its end."""
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _main_of(command: list[str]) -> Any:
    from engram import proc
    from engram.pipeline import nursery

    proc._passed.clear()  # a new process has come by no crash point yet
    return lambda: nursery.main(command[3:])


def _end(main: Any) -> NoReturn:
    """Run something as the whole of this process, and end it with its status."""
    status = 0
    try:
        main()
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _put(number: int, name: str, flags: int) -> None:
    opened = os.open(name, flags, 0o666)
    os.dup2(opened, number)
    os.close(opened)


def _be_called(command: Sequence[str]) -> None:
    """Let the system show another command line for this process: by it others know what it works on."""
    start, end = (int(field) for field in Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45:47])
    said = b"\0".join(part.encode() for part in command) + b"\0"
    assert len(said) <= end - start, "there is no room for this command line"
    ctypes.memmove(start, said.ljust(end - start, b"\0"), end - start)
