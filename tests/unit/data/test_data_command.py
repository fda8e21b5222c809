"""`engram data` and `engram template` in a home that no server owns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engram.cli import main, output
from engram.cli.data import app, parse_columns
from engram.config.load import load_recipe
from engram.errors import DataError, NotFound, UsageError
from engram.pipeline.begin import begin

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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> object:
    assert main.run([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_file_is_added_under_a_name_listed_and_shown(home, file, capsys):
    made = answer(capsys, "data", "add", file, "--name", "tickets", "--license", "own")
    assert (made["name"], made["rows"], made["license"], made["format"]) == ("tickets", 4, "own", "csv")
    assert made["quality"]["missing"] == {"body": 1}
    assert answer(capsys, "data", "list") == [made]
    assert answer(capsys, "data", "show", "tickets") == made
    assert answer(capsys, "data", "show", made["digest"]) == made
    assert main.run(["data", "show", "tickets"]) == 0
    said = capsys.readouterr().out
    assert "tech 3, billing 1" in said
    assert "line 4, column 'body': the cell is empty" in said
    assert main.run(["data", "show", "ticket"]) == 1
    assert "Did you mean 'tickets'" in capsys.readouterr().err


def test_a_bad_file_and_a_name_that_is_a_place_are_refused(home, file, capsys):
    assert main.run(["data", "add", str(file), "--name", "../x"]) == 2
    file.write_text("a,b\n1\n")
    assert main.run(["data", "add", str(file)]) == 1
    assert "tickets.csv:2" in capsys.readouterr().err
    assert answer(capsys, "data", "list") == []
    assert not list((home / "datasets").glob("*"))


def test_a_run_without_a_server_reads_the_dataset_that_its_recipe_names(home, file, tmp_path, capsys):
    made = answer(capsys, "data", "add", file, "--name", "tickets", "--license", "own")
    sets = ["data.sources=[{dataset: tickets}]", "data.columns={text: body, label: team}"]
    loaded = load_recipe("quickstart", sets=sets)
    folder = begin(loaded, home)
    (source,) = folder.recipe().data.sources
    assert (source.dataset, source.format, source.license) == (made["digest"], "csv", "own")
    assert folder.record().recipe_digest != loaded.digest
    with pytest.raises(NotFound, match="Did you mean 'tickets'"):
        begin(load_recipe("quickstart", sets=["data.sources=[{dataset: ticket}]"]), home)


def test_a_template_is_registered_listed_shown_and_its_certificate_verifies(home, file, tmp_path, capsys):
    answer(capsys, "data", "add", file, "--name", "tickets", "--license", "own")
    asked = ["--kind", "language", "--task", "classify", "--source", "embedded:minilm", "--dataset", "tickets"]
    made = answer(capsys, "template", "register", "mine", *asked, "--columns", "text=body,label=team")
    assert (made["name"], made["task"], made["recipe"]) == ("mine", "classify", "custom_classify")
    assert answer(capsys, "template", "list") == [made]
    assert answer(capsys, "template", "show", "mine", "--certificate", tmp_path / "c.json") == made
    assert answer(capsys, "verify", tmp_path / "c.json")["verified"]
    text = (tmp_path / "c.json").read_text()
    (tmp_path / "c.json").write_text(text.replace('"leaf_index":1', '"leaf_index":0'))
    assert main.run(["verify", str(tmp_path / "c.json")]) == 1
    assert main.run(["template", "register", "mine", *asked]) == 1
    assert "already" in capsys.readouterr().err
    assert main.run(["template", "register", "../mine", *asked]) == 2
    assert main.run(["template", "show", "min"]) == 1
    (tmp_path / "recipe.yaml").write_text(made["recipe_text"])
    assert load_recipe(tmp_path / "recipe.yaml").recipe.data.columns == {"text": "body", "label": "team"}
