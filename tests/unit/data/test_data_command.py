"""`engram data check` and `engram data show`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engram.cli import main, output
from engram.cli.data import app, parse_columns
from engram.errors import DataError, UsageError

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def text_again():
    yield
    output.use_json(False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text("body,team\nMy [bold]bill[/bold] :smile:,billing\nIt  is slow,tech\n,tech\nit is slow again,tech\n")
    return path


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_check_says_what_was_found_and_what_would_be_lost(file):
    said = run("check", file, "--columns", "text=body,label=team")
    for words in ("delimiter ','", "2 columns: body, team", "missing text", "tech", "66.7%", "3 of 4 rows can be used"):
        assert words in said
    assert "body: My [bold]bill[/bold] :smile:" in said


def test_check_answers_machines_in_json(file, capsys):
    assert main.run(["data", "check", str(file), "--columns", "text=body,label=team", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows_read"] == 4
    assert report["rows_kept"] + sum(report["dropped"].values()) == 4
    assert report["format"] == "engram.data-report/1"


def test_show_answers_machines_in_json(file, capsys):
    assert main.run(["data", "show", str(file), "--rows", "2", "--json"]) == 0
    assert [row["line"] for row in json.loads(capsys.readouterr().out)] == [2, 3]


def test_check_passes_the_errors_of_rows_on(file):
    with pytest.raises(DataError, match="fit none of the forms of rows"):
        run("check", file)
    with pytest.raises(DataError, match="no column 'text'"):
        run("check", file, "--rows", "label")


def test_show_prints_every_column_and_the_line(file):
    said = run("show", file, "--rows", "2")
    assert "My [bold]bill[/bold] :smile:" in said
    assert "It  is slow" in said
    assert "again" not in said


def test_show_prints_escapes_not_what_they_do(tmp_path):
    path = tmp_path / "evil.csv"
    path.write_text("text,la\x1b[31mbel\n\u202eabc,x\n")
    said = run("show", path)
    assert "\x1b[31m" not in said
    assert "\\x1b[31m" in said
    assert "\\u202e" in said


def test_show_reads_files_without_a_header_line(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text('a "quoted start\t0\nb , c\t1\n')
    said = run("show", path, "--header", "text,label", "--no-quoting", "--delimiter", "tab")
    assert 'a "quoted start' in said
    assert "no header line" in said


@pytest.mark.parametrize("text", [",", "text", "text=", "=a", "text=a,,label=b"])
def test_columns_must_be_pairs(text):
    with pytest.raises(UsageError, match="--columns"):
        parse_columns(text)


def test_importing_the_command_brings_nothing_heavy():
    code = "import sys, engram.cli.data; print(sorted({'numpy', 'torch', 'csv', 'engram.data'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
