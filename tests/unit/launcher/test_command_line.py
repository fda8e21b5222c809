"""The launcher's commands and its thin doors."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OLDEST_THAT_IS_TOLD = (3, 8)


def test_start_is_the_default(run_all):
    asked, rest = run_all.parse([], "me")
    assert (asked.command, asked.debug, asked.force, asked.dev_mode, rest) == ("start", False, False, False, [])
    assert (asked.no_sample, asked.port, asked.fresh) == (False, None, False)


def test_flags_may_stand_before_or_after_the_command(run_all):
    for arguments in (["--debug", "--dev-mode", "--force", "demo"], ["demo", "--force", "--dev-mode", "--debug"]):
        asked, rest = run_all.parse(arguments, "me")
        assert (asked.command, asked.debug, asked.force, asked.dev_mode, rest) == ("demo", True, True, True, [])


def test_test_passes_its_arguments_on(run_all):
    asked, rest = run_all.parse(["test", "all", "--slow"], "me")
    assert (asked.command, rest) == ("test", ["all", "--slow"])


@pytest.mark.parametrize("arguments", [["restart"], ["status", "--slow"], ["--forc"], ["start", "now"]])
def test_what_is_unknown_is_refused(run_all, arguments, capsys):
    with pytest.raises(SystemExit) as left:
        run_all.parse(arguments, "./start.sh")
    assert left.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_dev_mode_installs_the_development_tools(run_all):
    assert run_all.extras_for("demo", dev_mode=False) == ("train",)
    assert run_all.extras_for("demo", dev_mode=True) == (
        "train",
        "export",
        "server",
        "speech",
        "vision",
        "rl",
        "tts",
        "dev",
    )


def test_help_names_every_command(run_all, capsys):
    with pytest.raises(SystemExit) as left:
        run_all.parse(["--help"], "./start.sh")
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert all(f"\n  {verb} " in said for verb in run_all.VERBS)


def started(run_all, monkeypatch, tmp_path, *arguments):
    """Return what `start` would run and install."""
    told = []
    monkeypatch.setattr(run_all.environment, "ensure", lambda venv, extras, **how: told.append((extras, how)))
    monkeypatch.setattr(run_all.pages, "ensure", lambda venv, *, debug: told.append(("pages", debug)))
    monkeypatch.setattr(run_all, "hand_over", lambda command, variables: told.append((command[1:], variables)) or 0)
    variables = {"ENGRAM_VENV": str(tmp_path / "env"), "ENGRAM_HOME": str(tmp_path), "ENGRAM_LAUNCHER": "./start.sh"}
    return run_all.run(list(arguments), variables), told


def test_start_installs_what_serves_and_hands_over_to_it(run_all, monkeypatch, tmp_path):
    code, ((extras, how), pages, (command, variables)) = started(run_all, monkeypatch, tmp_path)
    assert pages == ("pages", False)
    assert (code, extras, command) == (0, ("train", "server", "speech", "vision", "rl", "tts"), ["up", "--sample"])
    assert how == {"force": False, "debug": False}
    assert variables["ENGRAM_LAUNCHER"] == "./start.sh"


def test_options_of_start_reach_the_server(run_all, monkeypatch, tmp_path):
    options = ("--force", "--no-sample", "--port", "3100", "--debug", "--fresh")
    code, told = started(run_all, monkeypatch, tmp_path, *options)
    assert (code, told[2][0]) == (0, ["up", "--force", "--port", "3100"])
    assert told[0][1] == {"force": True, "debug": True}
    assert told[1] == ("pages", True)
    assert told[2][1]["ENGRAM_DEBUG"] == "1"


def test_a_server_that_runs_already_is_named_and_left_alone(run_all, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(run_all.serving, "server", lambda home: run_all.serving.Server(1, "http://127.0.0.1:3000"))
    code, told = started(run_all, monkeypatch, tmp_path)
    assert (code, len(told)) == (0, 1)
    assert "http://127.0.0.1:3000" in capsys.readouterr().out


def test_status_works_before_anything_is_installed(run_all, tmp_path, capsys):
    assert run_all.run(["status"], {"ENGRAM_VENV": str(tmp_path / "env"), "ENGRAM_HOME": str(tmp_path / "home")}) == 0
    said = capsys.readouterr().out
    assert "not made yet; demo makes it" in said
    assert "none in progress" in said
    assert "Pages " in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("verb", "program"), [("demo", "engram"), ("test", "bash")])
def test_demo_and_test_make_the_environment_and_hand_over(run_all, environment, monkeypatch, tmp_path, verb, program):
    made, handed = [], []
    monkeypatch.setattr(environment, "ensure", lambda venv, extras, **how: made.append((venv, extras, how)))
    monkeypatch.setattr(run_all.pages, "ensure", lambda venv, *, debug: handed.append("pages"))
    monkeypatch.setattr(run_all, "hand_over", lambda command, variables: handed.append((command, variables)) or 3)
    assert run_all.run([verb, "--debug"], {"ENGRAM_VENV": str(tmp_path)}) == 3
    assert made[0][0] == tmp_path
    assert made[0][2] == {"force": False, "debug": True}
    command, variables = handed[-1]
    assert handed[:-1] == (["pages"] if verb == "test" else [])
    assert Path(command[0]).stem == program
    assert variables == {"ENGRAM_VENV": str(tmp_path), "ENGRAM_DEBUG": "1"}


@pytest.mark.parametrize(
    ("suites", "built"), [(["all", "--slow"], True), (["-x"], True), (["loader"], False), (["--help"], False)]
)
def test_pages_are_built_for_the_suites_that_look_at_them(run_all, monkeypatch, tmp_path, suites, built):
    asked = []
    monkeypatch.setattr(run_all.environment, "ensure", lambda venv, extras, **how: None)
    monkeypatch.setattr(run_all.pages, "ensure", lambda venv, *, debug: asked.append("pages"))
    monkeypatch.setattr(run_all, "hand_over", lambda command, variables: asked.append(command[2:]) or 0)
    run_all.run_tests(tmp_path, suites, {})
    assert asked == [*(["pages"] if built else []), suites]


def test_what_is_handed_over_gives_its_exit_code(run_all):
    assert run_all.hand_over([sys.executable, "-c", "import os; exit(int(os.environ['CODE']))"], {"CODE": "4"}) == 4


def test_problems_are_words_on_standard_error(run_all, monkeypatch, capsys):
    def fail(arguments, variables):
        raise run_all.Problem("the disk is full")

    monkeypatch.setattr(run_all, "run", fail)
    assert run_all.main() == 1
    assert capsys.readouterr().err == "the disk is full\n"


def test_the_launcher_parses_on_an_old_python_and_needs_the_standard_library_only(root):
    files = [root / "run_all.py", *sorted((root / "launcher").glob("*.py"))]
    assert len(files) == 8
    known = set(sys.stdlib_module_names) | {"launcher"}
    for path in files:
        tree = ast.parse(path.read_text(), feature_version=OLDEST_THAT_IS_TOLD)
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= known, path


bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here")


@bash
@pytest.mark.parametrize("script", ["start.sh", "tests/run_tests.sh", ".ci/run", ".ci/light"])
def test_shell_scripts_parse_and_may_be_executed(root, script):
    assert subprocess.run(["bash", "-n", str(root / script)], check=False).returncode == 0
    assert os.access(root / script, os.X_OK)


@bash
def test_without_a_python_start_sh_says_what_to_install(root, tmp_path):
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    told = subprocess.run(
        [str(tmp_path / "bash"), str(root / "start.sh"), "demo"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "Python 3.11 or newer" in told.stderr
    assert "apt install" in told.stderr


@bash
def test_an_old_python_is_passed_over_for_a_newer_one(root, tmp_path):
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    old, new = tmp_path / "python3.14", tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    new.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for program in (old, new):
        program.chmod(0o755)
    (tmp_path / "sh").symlink_to(shutil.which("sh"))
    told = subprocess.run(
        [str(tmp_path / "bash"), str(root / "start.sh"), "status"],
        env={"PATH": str(tmp_path), "ENGRAM_HOME": str(tmp_path / "home"), "ENGRAM_VENV": str(tmp_path / "env")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "none in progress" in told.stdout


def test_launch_bat_looks_for_the_same_python_and_keeps_the_exit_code(root):
    text = (root / "launch.bat").read_text()
    assert "version_info < (3, 11)" in text
    assert '"%~dp0run_all.py" %*' in text
    assert "exit /b %ERRORLEVEL%" in text
