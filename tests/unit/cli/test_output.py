"""How commands print: lines for people, one document for programs, nothing that hides in either."""

from __future__ import annotations

import json

import pytest

from engram.cli import output


@pytest.fixture(autouse=True)
def as_text():
    yield
    output.use_json(False)


def test_lines_for_people_vanish_with_json_and_warnings_do_not(capsys):
    output.use_json(True)
    output.say("hello")
    output.table(("a",), [["1"]])
    output.pairs({"a": 1})
    output.emit({"a": 1}, "one")
    output.warn("careful")
    output.show_error("bad")
    seen = capsys.readouterr()
    assert json.loads(seen.out) == {"a": 1}
    assert seen.err == "warning: careful\nerror: bad\n"


def test_text_is_plain_where_nobody_looks(capsys):
    output.say("hello", "bold", "red")
    output.table(("name", "n"), [["a", 10], ["longer", None]], title="T")
    output.pairs({"a": 1, "long": ""})
    assert capsys.readouterr().out == "hello\nT\nname    n\na       10\nlonger\na     1\nlong\n"


def test_an_empty_table_shows_its_headings(capsys):
    output.table(("name", "n"), [])
    assert capsys.readouterr().out == "name  n\n"


def test_a_number_that_json_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        output.emit_json({"a": float("nan")})


class Terminal:
    def isatty(self) -> bool:
        return True


def test_colour_needs_a_terminal_and_no_word_against_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.style("x", "bold", "red", stream=Terminal()) == "\x1b[1;31mx\x1b[0m"
    assert output.style("x", stream=Terminal()) == "x"
    monkeypatch.setenv("NO_COLOR", "")
    assert output.wants_colour(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.style("x", "bold", stream=Terminal()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not output.wants_colour(Terminal())
