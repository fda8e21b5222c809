"""Processes: crash points, child processes in their own session, and who is alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CRASHPOINT_VARIABLE = "ENGRAM_CRASHPOINT"
TORCHRUN_VARIABLE = "TORCHELASTIC_RUN_ID"  # set by torchrun for each process that it starts
NURSERY_VARIABLE = "__ENGRAM_NURSERY__"  # set by a nursery for each process that it forks; nobody else sets it
_passed: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """Kill this process with SIGKILL when ``ENGRAM_CRASHPOINT`` is ``name`` or ``name:k`` (the k-th pass).

    Free when the variable is unset. Tests enumerate every call in the source tree, so the name must be a literal.
    """
    wanted = os.environ.get(CRASHPOINT_VARIABLE)
    if not wanted:
        return
    target, _, nth = wanted.partition(":")
    if target != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] >= int(nth or 1):
        kill_hard(os.getpid())


def kill_hard(pid: int) -> None:
    """End a process at once, without giving it the chance to clean up."""
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def python_child(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``python -m module arguments`` in its own session, its output going to ``log``.

    Own session: a Ctrl-C on the terminal reaches the parent only, which then asks the child to stop between steps.
    """
    command = [sys.executable, "-m", module, *arguments]
    env = {**os.environ, **(environment or {})}
    if log is None:
        return subprocess.Popen(command, env=env, start_new_session=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def started_by(pid: int) -> bool:
    """Tell whether a process started this one, itself or through torchrun or a nursery."""
    parent = os.getppid()
    between = TORCHRUN_VARIABLE in os.environ or NURSERY_VARIABLE in os.environ
    return parent == pid or (between and _parent_of(parent) == pid)


def _parent_of(pid: int) -> int:
    try:  # the name of the program, in parentheses, may hold anything
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        pass
    if sys.platform.startswith("linux") or os.name == "nt":
        return 0
    asked = subprocess.run(["ps", "-p", str(pid), "-o", "ppid="], capture_output=True, text=True, check=False)
    return int(asked.stdout.strip() or 0)


def command_of(pid: int) -> str:
    """Return the command line of a process, or an empty string when it is gone or can't be asked."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        pass
    if sys.platform.startswith("linux") or os.name == "nt":
        return ""
    asked = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def birth(pid: int) -> str:
    """Return when a process began, in the system's own words; empty when it is gone, or dead and not yet buried.

    Process ids are used again; number and birth together are not.
    """
    if sys.platform.startswith("linux"):
        try:
            said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return ""
        return "" if said[0] in ("Z", "X") else said[19]
    if os.name == "nt":
        query = f"(Get-Process -Id {pid}).StartTime.Ticks"
        command = ["powershell", "-NoProfile", "-Command", query]
    else:
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def kill_group(pid: int) -> None:
    """End a process that leads a session, and all that belong to its group."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    else:
        kill_hard(pid)
