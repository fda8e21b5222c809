"""`engram bench` finds the races, runs them as they are and fails when one has no figure."""

from __future__ import annotations

import json

import pytest
from house.tree import ROOT

from engram.cli import bench, output
from engram.cli.commands import COMMANDS, Command
from engram.cli.main import run
from engram.errors import MissingExtra, NotFound, UserError

GOOD = '"""R2: a race that works."""\nimport sys\nprint("ratio: 2 x", sys.argv[1:])\n'
BAD = '"""R10: a race without a figure."""\nimport sys\nprint("NOT EQUAL", file=sys.stderr)\nsys.exit(1)\n'


@pytest.fixture(autouse=True)
def command(monkeypatch):
    """Put the command where the door finds it, and the printing to text."""
    monkeypatch.setitem(COMMANDS, "bench", Command("engram.cli.bench", "bench", "Run the races."))
    output.use_json(False)
    yield
    output.use_json(False)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository with two races and a harness, as this Engram would see it."""
    package, races = tmp_path / "src" / "engram", tmp_path / "benchmarks"
    package.mkdir(parents=True)
    races.mkdir()
    (races / "race.py").write_text("")
    (races / "r2_good.py").write_text(GOOD)
    (races / "r10_bad.py").write_text(BAD)
    (races / "runner_helper.py").write_text("")
    (races / "rx_helper.py").write_text("")
    monkeypatch.setattr("engram.__file__", str(package / "__init__.py"))
    monkeypatch.setattr(bench, "PEERS", ("json",))
    return tmp_path


def test_the_races_of_the_repository_are_listed_with_a_line_each(capfd):
    assert run(["bench", "--list"]) == 0
    lines = capfd.readouterr().out.splitlines()
    files = sorted(path.stem for path in (ROOT / "benchmarks").glob("r[0-9]*_*.py"))
    named = [line.split()[0] for line in lines[1:]]
    assert len(set(named)) == len(named) == len(files)
    assert {name.partition("_")[0] for name in named} == {name.partition("_")[0] for name in files}
    assert {"r3_lora_classify", "r3_sft", "r4"} <= set(named)
    assert all(len(line.split()) > 4 for line in lines[1:])


def test_races_are_ordered_by_number_and_helpers_are_none(repository):
    found = bench.find_races(repository / "benchmarks")
    assert [(one.name, one.title) for one in found] == [
        ("r2", "a race that works."),
        ("r10", "a race without a figure."),
    ]


def test_a_race_goes_by_its_number_or_its_file_and_runs_once(repository):
    found = bench.find_races(repository / "benchmarks")
    assert [one.name for one in bench.choose(found, ["r10_bad", "r10"])] == ["r10"]
    assert bench.choose(found, []) == found


def test_races_that_share_a_number_go_by_their_files_and_the_number_runs_them_all(repository, capfd):
    (repository / "benchmarks" / "r2_other.py").write_text(BAD.replace("R10", "R2"))
    found = bench.find_races(repository / "benchmarks")
    assert [one.name for one in found] == ["r2_good", "r2_other", "r10"]
    assert [one.name for one in bench.choose(found, ["r2"])] == ["r2_good", "r2_other"]
    assert [one.name for one in bench.choose(found, ["r2_other"])] == ["r2_other"]
    assert run(["bench", "r2"]) == 1
    told = capfd.readouterr()
    assert "ratio: 2 x" in told.out
    assert "No figure for: r2_other." in told.err


def test_a_race_that_works_prints_its_ratio_and_ends_with_zero(repository, capfd):
    assert run(["bench", "r2", "--quick"]) == 0
    assert "ratio: 2 x ['--quick']" in capfd.readouterr().out


def test_one_race_without_a_figure_fails_and_the_others_run(repository, capfd):
    assert run(["bench"]) == 1
    told = capfd.readouterr()
    assert "ratio: 2 x []" in told.out
    assert "NOT EQUAL" in told.err
    assert "error: No figure for: r10." in told.err


def test_json_is_one_document_and_the_races_print_to_standard_error(repository, capfd):
    assert run(["bench", "--json"]) == 1
    told = capfd.readouterr()
    assert json.loads(told.out) == {"races": {"r2": 0, "r10": 1}, "failed": ["r10"]}
    assert "ratio: 2 x" in told.err
    assert run(["bench", "--list", "--json"]) == 0
    assert [one["name"] for one in json.loads(capfd.readouterr().out)] == ["r2", "r10"]


def test_an_unknown_race_is_answered_with_the_known_ones(repository, capfd):
    assert run(["bench", "r1"]) == 2
    assert "Unknown race 'r1'. Known: r10, r2." in capfd.readouterr().err


def test_an_installation_without_the_repository_says_where_the_races_are(repository):
    (repository / "benchmarks" / "race.py").unlink()
    with pytest.raises(NotFound, match="come with the repository"):
        bench.races_folder()


def test_missing_peers_are_told_with_the_command_and_nothing_runs(repository, monkeypatch, capfd):
    monkeypatch.setattr(bench, "PEERS", ("json", "surely_not_here"))
    assert run(["bench"]) == 1
    told = capfd.readouterr()
    assert "surely_not_here" in told.err
    assert "pip install 'engram[bench]'" in told.err
    assert "ratio" not in told.out
    with pytest.raises(MissingExtra):
        bench.check_machine()
    assert run(["bench", "--list"]) == 0


def test_a_system_without_process_times_is_told(monkeypatch):
    monkeypatch.setattr(bench.os, "name", "nt")
    with pytest.raises(UserError, match="Linux or macOS"):
        bench.check_machine()


def test_the_peers_are_the_extra_that_is_installed():
    import tomllib

    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["bench"]
    assert sorted(line.partition("==")[0].replace("-", "_") for line in extra) == sorted(bench.PEERS)
