"""The examples run as they stand, in a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
# What an example says at its end.
SAYS = {
    "audio.py": "rising",
    "embedding.py": "Please cancel my membership.",
    "rl.py": "action 1",
    "stt.py": "8",
    "tts.py": "s of sound",
    "vision.py": "7 ",
}


# join_digits.py is no example of the command line: it makes a data set of recordings that are not here.
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.py") if path.name != "join_digits.py"))
def test_an_example_runs_to_its_end(name, tmp_path):
    environment = {**os.environ, "ENGRAM_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / name)], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert SAYS[name] in done.stdout.splitlines()[-1]
