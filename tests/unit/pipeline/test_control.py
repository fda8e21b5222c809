"""Commands reach an attempt by its control file, and an orphan pauses by itself."""

import os

import pytest

from engram.pipeline import control


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
