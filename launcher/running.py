"""What runs in a home: listing it, and asking it to stop. No process is ended that is not known to be ours."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ACTIVE = ("queued", "running", "cancelling")
STOP_SECONDS = 30
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Running:
    """One run whose record says that it is in progress.

    process: the id in its newest attempt's `pid` file, if that process lives and is ours.
    lives: whether it has such a process, or somebody holds the home; a run with neither was killed.
    """

    id: str
    recipe: str
    state: str
    stage: str
    process: int | None
    lives: bool


def home_folder(environment: Mapping[str, str]) -> Path:
    """Return the home folder."""
    return Path(environment.get("ENGRAM_HOME") or Path.home() / ".engram").expanduser()


def is_alive(pid: int) -> bool:
    """Tell whether a process exists; on Windows os.kill would end it, so tasklist is asked there."""
    if os.name == "nt":
        listed = subprocess.run(
            ["tasklist", "/NH", "/FI", f"PID eq {pid}"], capture_output=True, text=True, check=False
        )
        return str(pid) in listed.stdout
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_of(pid: int) -> str:
    """Return the command line of a process, or an empty string where it can't be told."""
    proc = Path(f"/proc/{pid}/cmdline")
    if proc.exists():
        return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    query = f"(Get-CimInstance Win32_Process -Filter 'ProcessId={pid}').CommandLine"
    ask = (
        ["powershell", "-NoProfile", "-Command", query] if os.name == "nt" else ["ps", "-o", "command=", "-p", str(pid)]
    )
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def names_engram(command: str) -> bool:
    """Tell whether a command line runs the program or a module of Engram; a folder of that name proves nothing.

    >>> names_engram("/srv/engram/.venv/bin/python -m engram.pipeline.worker")
    True
    >>> names_engram("/srv/engram/.venv/bin/python thesis.py")
    False
    """
    words = [re.split(r"[/\\]", word.strip('"'))[-1] for word in command.split()]
    return any(word in ("engram", "engram.exe") or word.startswith("engram.") for word in words)


def is_ours(pid: int) -> bool:
    """Tell whether a living process is one of Engram's: process ids are used again, so its command line must say so."""
    return is_alive(pid) and names_engram(command_of(pid))


def process_of(run: Path) -> int | None:
    """Return the living process of a run's newest attempt, if it is known to be ours."""
    attempts = [path for path in run.glob("attempt-*/pid") if path.parent.name[8:].isdigit()]
    for path in sorted(attempts, key=lambda found: int(found.parent.name[8:]), reverse=True)[:1]:
        said = path.read_text(encoding="utf-8").strip()
        if said.isdigit() and is_ours(int(said)):
            return int(said)
    return None


def state_of(run: Path) -> str:
    """Return the state in a run's record, or an empty string when it has none."""
    return str(_record(run).get("state", ""))


def running(home: Path) -> list[Running]:
    """List the runs in progress, oldest first."""
    return [one for path in sorted(home.glob("runs/*/run.json")) if (one := look(home, path.parent.name))]


def look(home: Path, run: str) -> Running | None:
    """Return one run if its record says that it is in progress."""
    record = _record(home / "runs" / run)
    if record.get("state") not in ACTIVE:
        return None
    process = process_of(home / "runs" / run)
    lives = process is not None or bool(owner(home))
    return Running(run, str(record.get("recipe", "")), record["state"], str(record.get("stage", "")), process, lives)


def owner(home: Path) -> str:
    """Return who holds the home as its writer, or an empty string; the file outlives its process."""
    try:
        said = (home / "lock").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    pid = re.search(r"\(process (\d+)\)", said)
    return said if pid and is_alive(int(pid.group(1))) else ""


def ask_to_cancel(run: Path) -> None:
    """Write a run's control file whole; the run reads it between steps and keeps its checkpoint."""
    handle, temporary = tempfile.mkstemp(dir=str(run), prefix=".control.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"command": "cancel"}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    Path(temporary).replace(run / "control.json")


def stop(
    home: Path,
    say: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
    end: Callable[[int], None] = lambda pid: os.kill(pid, signal.SIGTERM),
) -> int:
    """Ask every run in progress to stop and wait up to 30 s; then end the processes that are known to be ours.

    Returns 0 when nothing of ours is left running, 1 otherwise.
    """
    asked = running(home)
    if not asked:
        say("Nothing is running.")
    for one in asked:
        ask_to_cancel(home / "runs" / one.id)
        say(f"Asked {one.id} ({one.recipe}, {one.stage or one.state}) to stop.")
    deadline = clock() + STOP_SECONDS
    left = [one.id for one in asked]
    while left and clock() < deadline:
        left = [run for run in left if (now := look(home, run)) and now.lives]
        if left:
            pause(POLL_SECONDS)
    deaf = 0
    for run in (one.id for one in asked):
        pid = process_of(home / "runs" / run)
        if run not in left:
            say(f"{run}: {_after(home / 'runs' / run)}.")
        elif pid is not None:
            end(pid)
            say(
                f"{run} did not stop within {STOP_SECONDS} s, so process {pid} was ended. What it had finished is kept."
            )
        else:
            deaf += 1
            say(
                f"{run} did not stop within {STOP_SECONDS} s. The home is held by {owner(home)}; end that one yourself."
            )
    return 1 if deaf else 0


def _after(run: Path) -> str:
    state = state_of(run)
    return (
        f"no process of it is left; `engram runs resume {run.name}` goes on from its checkpoint"
        if state in ACTIVE
        else state
    )


def _record(run: Path) -> dict[str, str]:
    return read(run / "run.json")


def read(path: Path) -> dict[str, str]:
    """Return what a JSON file holds, or nothing where it is absent or broken."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
