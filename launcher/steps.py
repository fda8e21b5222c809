"""A step of an installation: run, told about while it lasts, and explained where it fails."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher.messages import Problem, explain_pip, say

QUIET_SECONDS = 2
BEAT_SECONDS = 15
TAIL_LINES = 12


class StepFailed(Problem):
    """A step that ended badly. short: what failed and what to do, on one line."""

    def __init__(self, title: str, output: str, remedy: str, log: Path) -> None:
        tail = "".join(f"    {line}\n" for line in output.splitlines()[-TAIL_LINES:])
        super().__init__(f"{title} failed.\n{tail}{remedy}\nThe whole log: {log}")
        self.short = f"{title} failed. {remedy}"


def run_step(
    title: str,
    command: Sequence[str],
    log: Path,
    *,
    debug: bool,
    explain: Callable[[str], str] = explain_pip,
    begun: Callable[[int], None] = lambda pid: None,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run one step; say how long it takes when it lasts; raise StepFailed with a remedy when it fails.

    explain: turns the output of a failed step into a remedy. begun: is told the step's process.
    """
    began = time.monotonic()
    if debug:
        say(f"{title}: {' '.join(command)}")
    with log.open("w+", encoding="utf-8", errors="replace") as out:
        shown = None if debug else out
        child = subprocess.Popen(
            command,
            stdout=shown,
            stderr=shown,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, **(variables or {})},
        )
        begun(child.pid)
        code = child.wait() if debug else wait_and_tell(title, child, began)
        out.seek(0)
        output = out.read()
    if code:
        raise StepFailed(title, output, explain(output), log)
    took = time.monotonic() - began
    if took > QUIET_SECONDS:
        say(f"{title}: done in {took:.0f} s")


def wait_and_tell(title: str, child: subprocess.Popen[bytes], began: float) -> int:
    """Wait for a child; after two seconds, and then every quarter of a minute, say that it goes on."""
    patience = QUIET_SECONDS
    try:
        while True:
            try:
                return child.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                say(f"{title} … {time.monotonic() - began:.0f} s")
                patience = BEAT_SECONDS
    except KeyboardInterrupt:
        child.wait()
        raise
