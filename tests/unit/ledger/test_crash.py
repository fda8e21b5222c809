"""kill -9 at every named point of an append: what was acknowledged is there, once, and the ledger goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from certified import make_signer, ticking

from engram.ledger.log import Ledger
from engram.ledger.verify import verify_ledger
from engram.proc import CRASHPOINT_VARIABLE

POINTS = ("ledger.after-write", "ledger.after-fsync", "ledger.before-checkpoint", "ledger.after-checkpoint")
WRITER = """
import sys
from pathlib import Path
from certified import draft, make_signer
from engram.ledger.log import Ledger
ledger = Ledger.open(Path(sys.argv[1]), make_signer())
for i in range(0, 8, 2):
    for entry in ledger.append_many([draft(i), draft(i + 1)]):
        sys.stdout.write(entry.subject + "\\n")
    sys.stdout.flush()
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="crash points use SIGKILL")


def write_until_killed(folder: Path, crashpoint: str) -> list[str]:
    """Run the writer in a process of its own and return what it was promised before it died."""
    here = Path(__file__).resolve().parents[2]
    child = subprocess.run(
        [sys.executable, "-c", WRITER, str(folder)],
        env={**os.environ, CRASHPOINT_VARIABLE: crashpoint, "PYTHONPATH": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    return child.stdout.split()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("passed", [1, 3])
def test_a_kill_loses_nothing_acknowledged_and_doubles_nothing(tmp_path: Path, point: str, passed: int):
    acknowledged = write_until_killed(tmp_path, f"{point}:{passed}")
    assert acknowledged == [f"r_{i}" for i in range(2 * (passed - 1))]
    looked = [entry.subject for entry in Ledger.read(tmp_path, make_signer().key).entries()]
    ledger = Ledger.open(tmp_path, make_signer(), clock=ticking())
    there = [entry.subject for entry in ledger.entries()]
    assert there == looked
    signed = 2 * passed if point == "ledger.after-checkpoint" else len(acknowledged)
    assert there == [f"r_{i}" for i in range(signed)]
    assert ledger.append("run.judged", "r_99").index == signed
    checks = list(verify_ledger(tmp_path, make_signer().key))
    assert all(check.ok for check in checks), checks


def test_every_crash_point_of_the_ledger_is_tried():
    source = (Path(sys.modules[Ledger.__module__].__file__ or "")).read_text()
    assert tuple(part.split('"')[1] for part in source.split("crashpoint(")[1:]) == POINTS
