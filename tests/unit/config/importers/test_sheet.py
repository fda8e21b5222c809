"""The sheet files each key once, and what no rule has looked at is refused instead of lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.config.importers.rules import drop
from engram.config.importers.sheet import Sheet
from engram.config.parse import parse_yaml


def sheet(text: str) -> Sheet:
    return Sheet(parse_yaml(text.encode(), "c.yaml"), "Tool", (Path(),), Path())


def test_what_no_rule_has_looked_at_is_refused_with_its_line():
    page = sheet("a: 1\nb: {c: 2, d: [3, {e: 4}]}\nf: {}\n")
    page.ignore(("b", "c"), "why")
    page.settle()
    assert [(one.key, one.where, one.matters) for one in page.unsupported] == [
        ("a", "c.yaml:1", True),
        ("b.d.0", "c.yaml:2", True),
        ("b.d.1.e", "c.yaml:2", True),
        ("f", "c.yaml:3", True),
    ]


@pytest.mark.parametrize("again", [("a",), ("a", "b"), ("a", "b", "c")])
def test_no_key_is_filed_twice_nor_with_what_is_above_or_below_it(again):
    page = sheet("a: {b: {c: 1}}")
    page.ignore(("a", "b"), "why")
    with pytest.raises(ValueError, match="filed twice"):
        page.refuse(again, "why")


def test_a_line_that_was_filled_in_gives_way_to_one_that_the_file_asks_for():
    page = sheet("rate: 1\nother: 1\nthird: 2\n")
    page.default("train.learning_rate", 3)
    page.carry(("rate",), "train.learning_rate", 1)
    page.default("train.learning_rate", 4)
    assert (page.wrote("train.learning_rate"), page.added) == (1, [])
    page.carry(("other",), "train.learning_rate", 1)
    page.carry(("third",), "train.learning_rate", 2)
    assert [one.key for one in page.carried] == ["rate", "other"]
    assert [one.key for one in page.unsupported] == ["third"]


def test_a_key_without_a_value_asks_for_nothing_and_a_wrong_one_is_answered():
    page = sheet("seed:\nsede: 1\nblock: 3\n")
    page.apply({"seed": drop("x"), "block": drop("x")})
    page.apply({}, ("block",))
    assert [(one.key, one.reason) for one in page.ignored] == [("seed", "has no value"), ("block", "x")]
    assert page.unsupported[0].reason == "Tool has no such key here. Did you mean 'seed'?"
