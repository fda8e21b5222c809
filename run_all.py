#!/usr/bin/env python3
"""Make the environment, install Engram into it and run it. start.sh and launch.bat are thin doors to this file.

Standard library only; the parts are in launcher/. On an old Python it says what to install.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from launcher import environment, pages, running, serving  # noqa: E402
from launcher.messages import Problem, python_problem  # noqa: E402

VERBS = ("start", "demo", "status", "stop", "test")
WITHOUT_PAGES = ("loader", "metrics", "training", "-h", "--help")
EPILOGUE = """\
commands:
  start      install what is missing and build the pages, then start the platform at localhost:3000 (the default)
  demo       install what is missing, then train, judge, certify and use a small model in the terminal
  status     the environment, the home folder, the server and the runs in progress
  stop       end the server and what it started, and ask other runs to stop; their checkpoints are kept
  test       install the test tools and run tests/run_tests.sh with its own arguments, as in: test all --slow

environment variables:
  ENGRAM_VENV   where the environment is made (default: .venv beside this file)
  ENGRAM_HOME   where runs, artifacts and the ledger live (default: ~/.engram)
"""


def parser(me: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog=me,
        description="Engram trains specialist models, admits those that pass their gates, and certifies each one.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("command", nargs="?", default="start", choices=VERBS, metavar="command")
    made.add_argument("--debug", action="store_true", help="show all that pip says, and tracebacks (ENGRAM_DEBUG=1)")
    made.add_argument("--force", action="store_true", help="start: take the next free port when 3000 is taken")
    made.add_argument("--no-sample", action="store_true", help="start: no sample run on the first start of a home")
    made.add_argument("--port", type=int, default=None, metavar="N", help="start: another port than 3000")
    made.add_argument("--fresh", action="store_true", help="make the environment afresh")
    made.add_argument("--dev-mode", action="store_true", help="install the development tools too")
    return made


def parse(arguments: Sequence[str], me: str) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line; what is not ours goes on to `demo` and `test`, and is an error elsewhere."""
    made = parser(me)
    ours, rest = made.parse_known_args(list(arguments))
    if rest and ours.command not in ("demo", "test"):
        made.error(f"unknown argument {rest[0]!r}; `{me} --help` shows the known ones")
    return ours, rest


def extras_for(command: str, *, dev_mode: bool) -> tuple[str, ...]:
    """Return the extras that a command needs.

    >>> extras_for("test", dev_mode=False)
    ('train', 'export', 'server', 'speech', 'vision', 'rl', 'tts', 'dev')
    """
    if dev_mode or command == "test":
        return ("train", "export", "server", "speech", "vision", "rl", "tts", "dev")
    return ("train", "server", "speech", "vision", "rl", "tts") if command == "start" else ("train",)


def hand_over(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command in our place and return its exit code; a Ctrl-C is the command's to answer."""
    child = subprocess.Popen(list(command), env={**os.environ, **variables})
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def show_status(venv: Path, home: Path) -> int:
    """Print the environment, the home and the runs in progress."""
    print(f"Environment  {venv}: {environment.state_of(venv)}")
    holder = running.owner(home)
    print(f"Home         {home}: {f'in use by {holder}' if holder else 'free' if home.exists() else 'not made yet'}")
    server = serving.server(home)
    print(f"Server       {server.url if server else 'not running'}{_core_note(home) if server else ''}")
    print(f"Pages        {pages.state()}")
    found = running.running(home)
    for one in found:
        who = f"process {one.process}" if one.process else "" if one.lives else "no process of it is left"
        print(f"Run          {one.id}  {one.recipe}  {one.state}  {one.stage}  {who}".rstrip())
    if not found:
        print("Runs         none in progress")
    return 0


def _core_note(home: Path) -> str:
    return (
        ""
        if serving.core(home)
        else "  (no core: nothing trains or answers; see logs/core.out and logs/core.log in the home)"
    )


def start(asked: argparse.Namespace, venv: Path, home: Path, variables: Mapping[str, str]) -> int:
    """Start server and core in front, or say where they run already."""
    server = serving.server(home)
    if server:
        print(f"Engram runs already at {server.url}; `{variables.get('ENGRAM_LAUNCHER', 'engram')} stop` ends it.")
        return 0
    pages.ensure(venv, debug=asked.debug)
    options = ["--force"] * asked.force + ["--sample"] * (not asked.no_sample)
    options += ["--port", str(asked.port)] if asked.port else []
    return hand_over([str(environment.program(venv, "engram")), "up", *options], variables)


def run_demo(venv: Path, rest: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the demonstration."""
    return hand_over([str(environment.program(venv, "engram")), "demo", *rest], variables)


def run_tests(venv: Path, rest: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the tests, of the built pages too where they are asked for; raises Problem where there is no bash."""
    bash = shutil.which("bash")
    if bash is None:
        raise Problem("tests/run_tests.sh needs bash, and none was found. On Windows, Git for Windows brings one.")
    if not set(rest) & set(WITHOUT_PAGES):
        pages.ensure(venv, debug="ENGRAM_DEBUG" in variables)
    return hand_over([bash, str(ROOT / "tests" / "run_tests.sh"), *(rest or ["quick"])], variables)


def run(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Do what the command line says and return the exit code; raises Problem for what the user can mend."""
    me = variables.get("ENGRAM_LAUNCHER") or "python run_all.py"
    asked, rest = parse(arguments, me)
    venv, home = environment.venv_folder(variables), running.home_folder(variables)
    if asked.command == "status":
        return show_status(venv, home)
    if asked.command == "stop":
        return (serving.stop if serving.is_there(home) else running.stop)(home, print)
    extras = extras_for(asked.command, dev_mode=asked.dev_mode)
    environment.ensure(venv, extras, force=asked.fresh, debug=asked.debug)
    passed = {"ENGRAM_VENV": str(venv), **({"ENGRAM_DEBUG": "1"} if asked.debug else {})}
    if asked.command == "start":
        return start(asked, venv, home, {**passed, "ENGRAM_LAUNCHER": me})
    return (run_demo if asked.command == "demo" else run_tests)(venv, rest, passed)


def main() -> int:
    """Check this Python, run, and turn what goes wrong into words."""
    said = python_problem(sys.version_info[:2])
    if said:
        print(said, file=sys.stderr)
        return 1
    try:
        return run(sys.argv[1:], os.environ)
    except Problem as problem:
        print(problem, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted. Running the same command again goes on from here.", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
