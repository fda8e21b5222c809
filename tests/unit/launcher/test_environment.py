"""The environment is made once, mended when interrupted, and never made where it would destroy something."""

from __future__ import annotations

import os
import sys

import pytest


@pytest.fixture
def checkout(tmp_path, environment, monkeypatch):
    """A checkout of its own, so that its stamp can change."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def made(checkout, environment, monkeypatch):
    """An environment folder, and the list of installations that were asked for."""
    venv, asked = checkout / "env", []

    def install(venv, extras, *, debug):
        asked.append(list(extras))
        python = environment.program(venv, "python")
        python.parent.mkdir(parents=True, exist_ok=True)
        python.symlink_to(sys.executable) if not python.exists() else None
        (venv / "pyvenv.cfg").write_text("")

    monkeypatch.setattr(environment, "install", install)
    monkeypatch.setattr(environment, "pip_works", environment.is_environment)
    return venv, asked


def ensure(environment, venv, extras=("train",), *, force=False):
    environment.ensure(venv, extras, force=force, debug=False)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_the_stamp_follows_the_requirements(environment, checkout, name):
    before = environment.stamp(checkout, "3.11.7", ["train"])
    (checkout / name).write_text("two")
    assert environment.stamp(checkout, "3.11.7", ["train"])["digest"] != before["digest"]


def test_the_stamp_follows_python_and_the_place(environment, checkout, tmp_path_factory):
    one = environment.stamp(checkout, "3.11.7", [])
    assert environment.stamp(checkout, "3.12.1", [])["digest"] != one["digest"]
    other = tmp_path_factory.mktemp("other")
    for name in ("pyproject.toml", "constraints.txt"):
        (other / name).write_text("one")
    assert environment.stamp(other, "3.11.7", [])["digest"] != one["digest"]


def test_more_extras_than_needed_cover_fewer(environment):
    have = {"digest": "d", "extras": ["dev", "train"]}
    assert environment.covers(have, {"digest": "d", "extras": ["train"]})
    assert not environment.covers({"digest": "d", "extras": ["train"]}, have)
    assert not environment.covers({**have, "digest": "e"}, {"digest": "d", "extras": ["train"]})
    assert not environment.covers(None, have)


def test_a_second_start_installs_nothing(environment, made):
    venv, asked = made
    ensure(environment, venv)
    ensure(environment, venv)
    assert asked == [["train"]]
    assert "ready (extras: train)" in environment.state_of(venv)


def test_more_extras_are_added_and_kept(environment, made):
    venv, asked = made
    ensure(environment, venv)
    ensure(environment, venv, ("train", "dev"))
    ensure(environment, venv, ("train",))
    assert asked == [["train"], ["dev", "train"]]


def test_changed_requirements_install_again_with_the_extras_that_were_there(environment, made, checkout):
    venv, asked = made
    ensure(environment, venv, ("train", "dev"))
    (checkout / "constraints.txt").write_text("two")
    assert "older than this checkout" in environment.state_of(venv)
    ensure(environment, venv, ("train",))
    assert asked == [["dev", "train"], ["dev", "train"]]


def test_force_makes_it_afresh(environment, made):
    venv, asked = made
    ensure(environment, venv)
    (venv / "old").write_text("")
    ensure(environment, venv, force=True)
    assert not (venv / "old").exists()
    assert len(asked) == 2


def test_an_interrupted_installation_is_made_afresh(environment, made, capsys, monkeypatch):
    venv, _ = made
    whole = environment.install

    def killed(venv, extras, *, debug):
        (venv / "half-written").write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "install", killed)
    with pytest.raises(KeyboardInterrupt):
        ensure(environment, venv)
    assert "interrupted" in environment.state_of(venv)
    monkeypatch.setattr(environment, "install", whole)
    ensure(environment, venv)
    assert not (venv / "half-written").exists()
    assert "interrupted" in capsys.readouterr().out
    assert "ready" in environment.state_of(venv)


def test_after_a_failure_of_pip_what_was_installed_is_kept(environment, made, monkeypatch):
    venv, _ = made
    ensure(environment, venv)
    whole = environment.install

    def failing(venv, extras, *, debug):
        raise environment.Problem("no network")

    monkeypatch.setattr(environment, "install", failing)
    with pytest.raises(environment.Problem):
        ensure(environment, venv, ("train", "dev"))
    (venv / "kept").write_text("")
    monkeypatch.setattr(environment, "install", whole)
    ensure(environment, venv, ("train", "dev"))
    assert (venv / "kept").exists()


def test_a_folder_that_is_no_environment_is_left_alone(environment, made):
    venv, _ = made
    venv.mkdir()
    (venv / "thesis.txt").write_text("years of work")
    for force in (True, False):
        with pytest.raises(environment.Problem, match="ENGRAM_VENV"):
            ensure(environment, venv, force=force)
    assert (venv / "thesis.txt").read_text() == "years of work"


def test_half_an_environment_never_lets_pip_reach_the_system(environment, made):
    """Without pyvenv.cfg the linked Python is the system's own, and pip would install there."""
    venv, asked = made
    ensure(environment, venv)
    (venv / "pyvenv.cfg").unlink()
    assert "broken" in environment.state_of(venv)
    assert not environment.is_environment(venv)
    (venv / "old").write_text("")
    ensure(environment, venv)
    assert environment.is_environment(venv)
    assert not (venv / "old").exists()
    assert len(asked) == 2


def test_pip_is_not_started_in_half_an_environment(environment, tmp_path, monkeypatch):
    python = environment.program(tmp_path, "python")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    steps = []
    monkeypatch.setattr(environment, "run_step", lambda title, command, venv, *, debug: steps.append(title))
    with pytest.raises(environment.Problem, match="--force"):
        environment.install(tmp_path, ["train"], debug=False)
    assert steps == []
    assert not environment.pip_works(tmp_path)


def test_a_removal_that_was_interrupted_leaves_no_half_environment(environment, made, monkeypatch):
    venv, _ = made
    ensure(environment, venv)

    def killed(folder):
        assert not venv.exists()
        raise KeyboardInterrupt

    whole = environment.shutil.rmtree
    monkeypatch.setattr(environment.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        ensure(environment, venv, force=True)
    monkeypatch.setattr(environment.shutil, "rmtree", whole)
    ensure(environment, venv, force=True)
    assert environment.is_environment(venv)
    assert list(venv.parent.glob("*.discarded-*")) == []


@pytest.mark.parametrize("who", ["process", "child"])
def test_two_installations_at_once_are_refused(environment, made, monkeypatch, who):
    venv, asked = made
    venv.mkdir()
    environment.write_json(venv / environment.MARKER, {who: os.getppid()})
    monkeypatch.setattr(environment, "command_of", lambda pid: "python -m pip install torch")
    with pytest.raises(environment.Problem, match="right now"):
        ensure(environment, venv)
    assert asked == []
    monkeypatch.setattr(environment, "command_of", lambda pid: "vi notes.txt")
    ensure(environment, venv)
    assert len(asked) == 1


def test_a_step_says_who_does_it(environment, tmp_path):
    script = "import sys; sys.exit(0)"
    environment.run_step("Installing", [sys.executable, "-c", script], tmp_path, debug=False)
    said = environment.read_json(tmp_path / environment.MARKER)
    assert said["process"] == os.getpid()
    assert said["child"] != os.getpid()


def test_torch_comes_exact_and_first_and_everything_is_constrained(environment, tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(environment, "run_step", lambda title, command, venv, *, debug: steps.append(command))
    monkeypatch.setattr(environment, "is_environment", lambda venv: True)
    environment.install(tmp_path, ["dev", "train"], debug=False)
    making, torch, engram = steps
    assert making[1:] == ["-m", "venv", str(tmp_path)]
    assert "torch==2.13.0" in torch
    assert f"{environment.ROOT}[dev,train]" in engram
    for step in (torch, engram):
        assert "--require-virtualenv" in step
        assert step[step.index("-c") + 1] == str(environment.ROOT / "constraints.txt")
    assert not any("http" in word for step in steps for word in step)


def test_a_failing_step_shows_its_last_lines_and_a_remedy(environment, tmp_path):
    script = "import sys; print('No space left on device'); sys.exit(1)"
    with pytest.raises(environment.Problem) as failed:
        environment.run_step("Installing", [sys.executable, "-c", script], tmp_path, debug=False)
    assert "Installing failed" in str(failed.value)
    assert "disk is full" in str(failed.value)
    assert str(tmp_path / "engram-install.log") in str(failed.value)


def test_one_more_distribution_goes_into_the_environment_only_and_leaves_it_whole(environment, tmp_path, monkeypatch):
    asked = []

    def run(title, command, venv, *, debug):
        environment.write_json(venv / environment.MARKER, {})
        asked.append(command)
        if len(asked) > 1:
            raise environment.Problem("no network")

    monkeypatch.setattr(environment, "run_step", run)
    environment.add(tmp_path, "Installing it", "it==1", debug=False)
    assert asked[0][-1] == "it==1"
    assert "--require-virtualenv" in asked[0]
    assert asked[0][0] == str(environment.program(tmp_path, "python"))
    assert not (tmp_path / environment.MARKER).exists()
    with pytest.raises(environment.Problem):
        environment.add(tmp_path, "Installing it", "it==1", debug=False)
    assert not (tmp_path / environment.MARKER).exists()


def test_a_long_step_says_how_long_it_lasts(steps, capsys):
    class Child:
        def __init__(self):
            self.patience = []

        def wait(self, timeout):
            self.patience.append(timeout)
            if len(self.patience) < 3:
                raise steps.subprocess.TimeoutExpired("pip", timeout)
            return 0

    child = Child()
    assert steps.wait_and_tell("Installing torch", child, 0.0) == 0
    assert child.patience == [2, 15, 15]
    assert capsys.readouterr().out.count("Installing torch … ") == 2


def test_the_environment_may_live_elsewhere(environment, root, tmp_path):
    assert environment.venv_folder({}) == root / ".venv"
    assert environment.venv_folder({"ENGRAM_VENV": str(tmp_path)}) == tmp_path
    assert environment.venv_folder({"ENGRAM_VENV": "env"}).is_absolute()
