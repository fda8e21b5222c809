"""A recipe as text: what is written is read back as the same, and comments stay comments."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.config.importers.report import Ignored, Unsupported
from engram.config.importers.sheet import Line, our_path
from engram.config.importers.write import WIDTH, left_out, recipe_text, wrapped, yaml_scalar
from engram.config.parse import parse_yaml
from engram.config.variables import expand

texts = st.text(max_size=30)
scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)


def read(value):
    """Read a written value as a recipe does, its variables expanded."""
    found = parse_yaml(f"key: {yaml_scalar(value)}".encode(), "r.yaml").data["key"]
    if isinstance(found, list):
        return [expand(one, {}) if isinstance(one, str) else one for one in found]
    return expand(found, {}) if isinstance(found, str) else found


@given(scalars | texts | st.lists(scalars | texts, max_size=4))
def test_any_value_is_read_back_as_the_same(value):
    found = read(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value", ["", " ", "null", "1e-4", "0x1f", "true", "- a", "a #b", "a: b", "${X}", "$${X}", "\x85"]
)
def test_texts_that_look_like_something_else_stay_texts(value):
    assert read(value) == value


def test_what_is_no_number_is_never_written():
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="no recipe holds"):
            yaml_scalar(value)


def test_small_numbers_are_numbers_to_every_reader_of_yaml():
    import yaml

    assert yaml.safe_load(yaml_scalar(2e-5)) == 2e-5
    assert yaml.safe_load(yaml_scalar(1e-10)) == 1e-10


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), texts)
def test_comments_of_any_text_change_nothing(said, head):
    lines = {our_path(f"data.sources.{number}.path"): Line(value, told) for number, (value, told) in enumerate(said)}
    lines[("name",)] = Line("n", head)
    ignored = [Ignored(value, told, told) for value, told in said]
    unsupported = [Unsupported(value, told, told, True) for value, told in said]
    text = recipe_text([head, head], lines, [*left_out(ignored, unsupported)])
    data = parse_yaml(text.encode(), "r.yaml").data
    found = [expand(source["path"], {}) for source in data["data"]["sources"]]
    assert (data["name"], found) == ("n", [value for value, _ in said])


def test_blocks_stand_in_the_order_of_a_recipe_and_sources_first():
    keys = ["export", "train.seed", "data.split.train", "data.sources.0.hub", "adapter.r", "adapter.type", "name"]
    text = recipe_text([], {our_path(key): Line(1, "") for key in keys}, [])
    shown = [line.split(":")[0].strip(" -") for line in text.splitlines() if line.strip()]
    assert shown == [
        "name", "data", "sources", "hub", "split", "train", "adapter", "type", "r", "train", "seed", "export",
    ]  # fmt: skip


def test_a_long_comment_stands_above_its_line_and_is_said_once_in_a_source():
    told = "word " * 40
    lines = {our_path(f"data.sources.0.{key}"): Line("x", told.strip()) for key in ("hub", "split")}
    text = recipe_text([], lines, [])
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("word") == 40
    assert parse_yaml(text.encode(), "r.yaml").data == {"data": {"sources": [{"hub": "x", "split": "x"}]}}


@given(st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=20), st.integers(5, 30))
def test_wrapped_lines_hold_every_word_in_its_order(words, width):
    lines = wrapped(" ".join(words), width)
    assert " ".join(lines).split(" ") == words
    assert all(len(line) <= width or " " not in line for line in lines)
