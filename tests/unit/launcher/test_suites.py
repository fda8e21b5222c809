"""run_tests.sh: a line per suite, an empty suite fails, and pytest's own summary comes last."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here")


@pytest.fixture
def run(tmp_path, root):
    def start(*suites, count="0"):
        environment = {**os.environ, "PYTHONPATH": str(root / "tests"), "NO_COLOR": "1"}
        environment = {k: v for k, v in environment.items() if not k.startswith("PYTEST_")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "suites", "-n", count, "-p", "no:cacheprovider", *suites]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip().splitlines()

    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "test_a.py").write_text("def test_a(): pass\n\n\ndef test_b(): pass\n")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "test_c.py").write_text("def test_c(): assert False\n")
    (tmp_path / "empty").mkdir()
    return start


def line(lines, suite):
    return next(text.split() for text in lines if text.startswith(f"{suite} "))


PROCESSES = pytest.mark.parametrize("count", ["0", "2"], ids=["in this process", "in two others"])


@PROCESSES
def test_each_suite_has_a_line_and_the_summary_is_last(run, count):
    code, lines = run("good", count=count)
    assert code == 0
    assert line(lines, "good")[:4] == ["good", "ok", "2", "tests"]
    assert lines[-1].startswith("2 passed in ")


@PROCESSES
def test_a_failure_is_shown_with_its_suite(run, count):
    code, lines = run("good", "bad", count=count)
    assert code == 1
    assert line(lines, "bad")[1] == "FAILED"
    assert line(lines, "good")[1] == "ok"


@PROCESSES
@pytest.mark.parametrize("suites", [("empty",), ("good", "empty")])
def test_an_empty_suite_fails(run, suites, count):
    code, lines = run(*suites, count=count)
    assert code == 1
    assert line(lines, "empty")[1:4] == ["EMPTY", "0", "tests"]


@PROCESSES
def test_a_suite_inside_another_is_counted_once(run, tmp_path, count):
    (tmp_path / "good" / "inner").mkdir()
    (tmp_path / "good" / "inner" / "test_d.py").write_text("def test_d(): pass\n")
    code, lines = run("good", "good/inner", count=count)
    assert code == 0
    assert [line(lines, name)[2] for name in ("good", "good/inner")] == ["2", "1"]


@bash
def test_an_unknown_suite_is_answered_with_the_known_ones(root):
    told = subprocess.run([root / "tests" / "run_tests.sh", "everything"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "Known: quick, all, browser, loader, metrics, training." in told.stderr


@bash
def test_help_tells_every_suite(root):
    told = subprocess.run([root / "tests" / "run_tests.sh", "--help"], capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert all(f"\n  {suite} " in told.stdout for suite in ("quick", "all", "loader", "metrics", "training", "--slow"))


@bash
def test_without_the_test_tools_it_says_how_to_get_them(root, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    environment = {**os.environ, "ENGRAM_VENV": str(tmp_path)}
    command = [root / "tests" / "run_tests.sh", "loader"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "./start.sh test" in told.stderr


@bash
@pytest.mark.parametrize(("bad", "code"), [("-m mypy", 1), ("-m ruff check .", 1), ("", 0)])
def test_a_check_that_fails_fails_the_whole_though_the_tests_pass(root, tmp_path, bad, code):
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
  *sched_getaffinity*) echo 2 ;;
  "{bad}") echo "what is wrong"; exit 1 ;;
  "-m pytest"*) echo "the tests ran" ;;
esac
"""
    )
    python.chmod(0o755)
    environment = {**os.environ, "ENGRAM_VENV": str(tmp_path)}
    command = [root / "tests" / "run_tests.sh", "quick"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == code
    assert "the tests ran" in told.stdout and "pages" in told.stdout
    names = ("ruff check", "ruff format", "types", "types of the launcher", "arrows")
    assert all(re.search(rf"^{name} +(ok|FAILED)", told.stdout, re.MULTILINE) for name in names)
    assert ("failed before the tests: " in told.stdout) == ("what is wrong" in told.stdout) == bool(code)
