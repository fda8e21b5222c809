"""docs/coverage.md names only what exists, and no row claims more than it shows."""

from __future__ import annotations

import re

import pytest
from house.test_docs import command_problems
from house.tree import ROOT, SOURCE, subcommands

STATES = ("done", "spine", "not yet")
DOCUMENTS = ("000", "001", "002", "003", "004")
NONE = "—"
COLUMNS = ["section", "feature", "room", "command", "test", "state"]


def rows_of(text):
    """Return (document, cells) of every table row of coverage.md."""
    document, found = "", []
    for line in text.splitlines():
        if heading := re.match(r"## (\d{3}) ", line):
            document = heading[1]
        elif line.startswith("|") and document:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if cells != COLUMNS and not set("".join(cells)) <= set("-: "):
                found.append((document, cells))
    return found


def planned_rooms(text):
    """Return the rooms that ARCHITECTURE.md says will come."""
    block = re.search(r"^```planned\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {line.split()[0] for line in block[1].splitlines() if line.strip()} if block else set()


def names(cell):
    """Return the names between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def row_problems(cells, root, source, below_of, planned):
    """Return what is wrong with one row."""
    if len(cells) != len(COLUMNS) or not all(cells):
        return [f"a row needs {len(COLUMNS)} filled cells: {' | '.join(cells)[:60]}"]
    _, feature, room, command, test, state = cells
    said = []
    if state not in STATES:
        said.append(f"state {state!r} is none of {', '.join(STATES)}")
    rooms = [name for name in names(room) if not (source / name).exists() and not (root / name).exists()]
    if state == "not yet":
        rooms = [name for name in rooms if name not in planned]
        if (command, test) != (NONE, NONE):
            said.append("what is not yet has no command and no test")
    elif not names(test):
        said.append("what is done names its test")
    said += [f"room {name} is not there" for name in rooms]
    said += [f"{name} is not there" for name in command_problems(command, below_of)]
    said += [f"test {name} is not there" for name in names(test) if not has_tests(root / "tests" / name)]
    return [f"{feature[:40]}: {one}" for one in said]


def has_tests(path):
    """Tell whether a path is a test file or a folder that holds some."""
    return path.is_file() or any(path.glob("**/test_*.py"))


TEXT = (ROOT / "docs" / "coverage.md").read_text()
ROWS = rows_of(TEXT)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_table_names_exists(document):
    rows = [cells for number, cells in ROWS if number == document]
    planned = planned_rooms((ROOT / "ARCHITECTURE.md").read_text())
    assert len(rows) >= 15
    assert [said for cells in rows for said in row_problems(cells, ROOT, SOURCE, subcommands, planned)] == []


def test_no_feature_stands_twice():
    features = [(number, cells[0], cells[1]) for number, cells in ROWS]
    assert len(features) == len(set(features))


def test_the_counts_at_the_top_are_right():
    said = {state: count for count, state in re.findall(r"(\d+) `(done|spine|not yet)`", TEXT.split("\n## ")[0])}
    assert {state: int(said[state]) for state in STATES} == {
        state: sum(cells[-1] == state for _, cells in ROWS) for state in STATES
    }


GOOD = ["4", "a feature", "`data`", "`engram train x`", "`unit/data`", "done"]


@pytest.fixture
def house(tmp_path):
    (tmp_path / "tests" / "unit" / "data").mkdir(parents=True)
    (tmp_path / "tests" / "unit" / "data" / "test_a.py").write_text("")
    (tmp_path / "tests" / "unit" / "empty").mkdir()
    (tmp_path / "src" / "data").mkdir(parents=True)
    return lambda cells: row_problems(cells, tmp_path, tmp_path / "src", {"train": set()}.get, {"server"})


def test_good_rows_pass(house):
    assert house(GOOD) == []
    assert house(["4", "a feature", "`server`", NONE, NONE, "not yet"]) == []


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (2, "`attic`"),
        (2, "`server`"),
        (3, "`engram fly`"),
        (4, "`unit/gone`"),
        (4, "`unit/empty`"),
        (4, NONE),
        (5, "soon"),
    ],
)
def test_a_false_claim_is_found(house, column, cell):
    assert house([*GOOD[:column], cell, *GOOD[column + 1 :]]) != []


def test_a_claim_about_what_is_not_yet_is_found(house):
    assert house([*GOOD[:5], "not yet"]) != []
    assert house(["4", "x", "`attic`", NONE, NONE, "not yet"]) != []


def test_rows_are_read_from_tables():
    head = f"## 000 A\n| {' | '.join(COLUMNS)} |\n|---|---|---|---|---|---|\n"
    text = head + "| 1 | x | y | — | — | done |\n"
    assert rows_of(text) == [("000", ["1", "x", "y", NONE, NONE, "done"])]
