"""The environment: made once, stamped with what it was made from, mended when a step of it was interrupted."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher import steps
from launcher.messages import Problem, say, space_problem, venv_problem
from launcher.running import command_of, is_alive

ROOT = Path(__file__).resolve().parent.parent
TORCH = "torch==2.13.0"
STAMP, MARKER = "engram-stamp.json", "engram-installing.json"


def venv_folder(environment: Mapping[str, str]) -> Path:
    """Return where the environment is or will be."""
    return Path.cwd() / Path(environment.get("ENGRAM_VENV") or ROOT / ".venv").expanduser()


def program(venv: Path, name: str) -> Path:
    """Return the path of a program inside the environment."""
    return venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name


def stamp(root: Path, version: str, extras: Sequence[str]) -> dict[str, Any]:
    """Return what an installation is made from; nothing is installed while the stamp stays the same."""
    state = hashlib.sha256(f"{root}\n{version}\n".encode())
    for name in ("pyproject.toml", "constraints.txt"):
        state.update((root / name).read_bytes())
    return {"digest": state.hexdigest(), "extras": sorted(extras)}


def covers(found: Any, wanted: Mapping[str, Any]) -> bool:
    """Tell whether an installation, known by its stamp, has everything that is wanted."""
    return bool(found) and found["digest"] == wanted["digest"] and set(wanted["extras"]) <= set(found["extras"])


def read_json(path: Path) -> Any:
    """Read a JSON file; None when it is absent or unreadable."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file whole, so that no reader sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=str(path.parent), prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    Path(temporary).replace(path)


def state_of(venv: Path) -> str:
    """Say in words where the environment stands."""
    found = read_json(venv / STAMP)
    if (venv / MARKER).exists():
        return "an installation was interrupted or is going on; the next demo or test mends it"
    if not found:
        return "made by hand" if program(venv, "engram").exists() else "not made yet; demo makes it"
    if not is_environment(venv):
        return "broken: it is no whole environment; the next demo or test mends it"
    fresh = covers({**found, "extras": []}, stamp(ROOT, version_here(), ()))
    return f"{'ready' if fresh else 'older than this checkout'} (extras: {', '.join(found['extras'])})"


def version_here() -> str:
    """Return this Python's version, as it goes into the stamp."""
    return ".".join(str(part) for part in sys.version_info[:3])


def ensure(venv: Path, extras: Sequence[str], *, force: bool, debug: bool) -> None:
    """Make or mend the environment so that it holds Engram with these extras; do nothing when it does already.

    Raises Problem, with what to do, when that can't be done.
    """
    wanted = stamp(ROOT, version_here(), extras)
    stamped, marker = venv / STAMP, venv / MARKER
    found = read_json(stamped)
    if not force and covers(found, wanted) and is_environment(venv) and not marker.exists():
        return
    refuse_where_impossible(venv, marker)
    if force:
        discard(venv, "as asked")
    elif marker.exists() or (venv.exists() and not pip_works(venv)):
        discard(venv, "it is not whole; its last installation was interrupted")
    venv.mkdir(parents=True, exist_ok=True)
    stamped.unlink(missing_ok=True)
    write_json(marker, {"process": os.getpid()})
    kept = sorted(set(extras) | set(found["extras"] if found else ()))
    try:
        install(venv, kept, debug=debug)
    except Problem:
        marker.unlink(missing_ok=True)  # pip ended by itself, so what it leaves is whole; only a kill leaves halves
        raise
    write_json(stamped, {**wanted, "extras": kept})
    marker.unlink(missing_ok=True)


def install(venv: Path, extras: Sequence[str], *, debug: bool) -> None:
    """Run the three steps: the environment, torch exact and first, Engram."""
    if not program(venv, "python").exists():
        run_step("Making the environment", [sys.executable, "-m", "venv", str(venv)], venv, debug=debug)
    if not is_environment(venv):
        raise Problem(f"{venv} is not a whole Python environment. Make it afresh with --force.")
    pip = pip_install(venv, debug=debug)
    run_step("Installing torch", [*pip, TORCH], venv, debug=debug)
    run_step("Installing Engram", [*pip, "-e", f"{ROOT}[{','.join(extras)}]"], venv, debug=debug)


def add(venv: Path, title: str, requirement: str, *, debug: bool) -> None:
    """Install one more distribution into a whole environment; raises Problem when that can't be done."""
    try:
        run_step(title, [*pip_install(venv, debug=debug), requirement], venv, debug=debug)
    except Problem:
        (venv / MARKER).unlink(missing_ok=True)  # pip ended by itself, as in `ensure`
        raise
    (venv / MARKER).unlink(missing_ok=True)


def pip_install(venv: Path, *, debug: bool) -> list[str]:
    """Return the command that installs into an environment, and nowhere else, what is named after it."""
    return [
        str(program(venv, "python")),
        "-m",
        "pip",
        "--require-virtualenv",
        "--disable-pip-version-check",
        "install",
        "--no-input",
        *(["-v"] if debug else []),
        "-c",
        str(ROOT / "constraints.txt"),
    ]


def refuse_where_impossible(venv: Path, marker: Path) -> None:
    """Raise Problem when this Python or this disk can't hold an environment, or somebody is making it right now."""
    has_venv, has_ensurepip = (importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))
    said = venv_problem(has_venv=has_venv, has_ensurepip=has_ensurepip)
    if said:
        raise Problem(said)
    near = next(folder for folder in (venv, *venv.parents) if folder.exists())
    said, forbids = space_problem(shutil.disk_usage(near).free)
    if forbids:
        raise Problem(said)
    if said:
        say(f"Warning: {said}")
    said_by = read_json(marker) or {}
    for other in (said_by.get("process"), said_by.get("child")):  # a killed launcher leaves its pip at work
        if other and other != os.getpid() and is_alive(other) and installs(command_of(other)):
            raise Problem(f"Process {other} is installing into {venv} right now. Wait until it ends.")


def installs(command: str) -> bool:
    """Tell whether a command line is the launcher or a step that it starts.

    >>> installs("/srv/engram/.venv/bin/python -m pip install torch"), installs("vi notes.txt")
    (True, False)
    """
    return any(word in command for word in ("run_all", "-m pip", "-m venv"))


def is_environment(venv: Path) -> bool:
    """Tell whether a folder is an environment: without pyvenv.cfg its Python would install into the whole system."""
    return (venv / "pyvenv.cfg").exists() and program(venv, "python").exists()


def pip_works(venv: Path) -> bool:
    """Tell whether an environment is whole and its pip answers."""
    ask = [str(program(venv, "python")), "-m", "pip", "--require-virtualenv", "--version"]
    return is_environment(venv) and subprocess.run(ask, capture_output=True, check=False).returncode == 0


def discard(venv: Path, why: str) -> None:
    """Remove an environment; raises Problem for a folder that is none, because that is not ours to remove.

    It is renamed first: an interrupted removal never leaves half an environment under the name.
    """
    for left in venv.parent.glob(f"{venv.name}.discarded-*"):
        shutil.rmtree(left)
    if not venv.exists():
        return
    ours = any((venv / name).exists() for name in ("pyvenv.cfg", MARKER, STAMP))
    if not ours and any(venv.iterdir()):
        raise Problem(f"{venv} is not a Python environment, so it is left alone. Set ENGRAM_VENV to another folder.")
    say(f"Making the environment afresh: {why}.")
    aside = venv.with_name(f"{venv.name}.discarded-{os.getpid()}")
    venv.rename(aside)
    shutil.rmtree(aside)


def run_step(title: str, command: Sequence[str], venv: Path, *, debug: bool) -> None:
    """Run one step of making an environment; who does it is noted there while it lasts."""
    steps.run_step(
        title,
        command,
        venv / "engram-install.log",
        debug=debug,
        begun=lambda child: write_json(venv / MARKER, {"process": os.getpid(), "child": child}),
    )
