"""Commands reach an attempt by its control file, and an orphan pauses by itself."""

import os
import subprocess
import sys

import pytest

from engram.pipeline import control
from engram.proc import TORCHRUN_VARIABLE


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_a_command_stands_until_it_is_cleared(tmp_path, command):
    path = tmp_path / "control.json"
    ask = control.listener(path, os.getppid())
    assert ask() == "none"
    control.send(path, command)
    assert (ask(), ask()) == (command, command)
    control.clear(path)
    assert ask() == "none"


def test_a_checkpoint_is_asked_for_once(tmp_path):
    path = tmp_path / "control.json"
    ask = control.listener(path, os.getppid())
    control.send(path, "checkpoint")
    assert (ask(), ask()) == ("checkpoint", "none")


def test_a_worker_whose_parent_is_gone_pauses(tmp_path):
    assert control.listener(tmp_path / "control.json", parent=os.getppid() + 1)() == "pause"


@pytest.mark.skipif(os.name == "nt", reason="who started a process is not told there")
@pytest.mark.parametrize(("torchrun", "said"), [("run-1", "none"), ("", "pause")])
def test_a_worker_of_torchrun_looks_past_it_for_its_parent(tmp_path, torchrun, said):
    """This process starts one that starts another, as torchrun does; without torchrun's mark that is an orphan."""
    ask = f"""
from pathlib import Path
from engram.pipeline.control import listener
print(listener(Path({str(tmp_path)!r}) / "control.json", {os.getpid()})())
"""
    between = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {ask!r}]).returncode)"
    environment = {name: value for name, value in os.environ.items() if name != TORCHRUN_VARIABLE}
    environment |= {TORCHRUN_VARIABLE: torchrun} if torchrun else {}
    done = subprocess.run([sys.executable, "-c", between], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [said], done.stderr
