"""What the reader of recipe files takes, with which types and positions, and what it refuses."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.config import parse
from engram.config.parse import parse_yaml, scalar
from engram.errors import RecipeError


def read(text: str):
    return parse_yaml(text.encode(), "r.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        ("1.0e-4", 1e-4),
        ("-2.5", -2.5),
        (".5", 0.5),
        ("3.", 3.0),
        ("12", 12),
        ("+7", 7),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("e5", "e5"),
        (".", "."),
        ("1" * 19, "1" * 19),
    ],
)
def test_a_plain_word_has_the_type_of_yaml_1_2(text, value):
    found = read(f"a: {text}").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number_and_quoted_words_are_text():
    assert math.isnan(scalar(".nan"))
    assert read("a: '1e-4'\nb: \"true\"").data == {"a": "1e-4", "b": "true"}


def test_keys_are_text_exactly_as_written():
    assert read("{0: a, no: b, 1.0: c, true: d}").data == {"0": "a", "no": "b", "1.0": "c", "true": "d"}


def test_every_value_knows_its_line_and_column():
    tree = read("# why\na: 1\nb:\n  - x: 2\n  - {y: 3}\n")
    marks = {path: (mark.line, mark.column) for path, mark in tree.marks.items()}
    assert marks == {
        (): (1, 1),
        ("a",): (2, 1),
        ("b",): (3, 1),
        ("b", 0): (4, 5),
        ("b", 0, "x"): (4, 5),
        ("b", 1): (5, 5),
        ("b", 1, "y"): (5, 6),
    }
    assert tree.mark(("b", 1, "y", "z")).where == "r.yaml:5"


def test_an_alias_brings_the_value_with_its_positions():
    tree = read("a: &x {y: 1}\nb: *x\n")
    assert tree.data == {"a": {"y": 1}, "b": {"y": 1}}
    assert tree.marks[("b",)].line == 2
    assert tree.marks[("b", "y")].line == 1


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        (b"a: 1\nb: 2\na: 3", 3, "the key 'a' is given twice; first on line 1"),
        (b"a: !!python/object/apply:os.system [x]", 1, "tags (tag:yaml.org,2002:python/object/apply:os.system)"),
        (b"a: !!str 1", 1, "tags (tag:yaml.org,2002:str)"),
        (b"a: 1\n---\nb: 2", 2, "a second document"),
        (b"a: 1\nb: &x [*x]", 2, "the alias *x names no value above it"),
        (b"? [a]\n: 1", 1, "a key must be plain text"),
        (b"a: &k x\n*k : 1", 2, "a key must be plain text"),
        (b"a: 1\nb: \xff", 2, "byte 8 is not UTF-8"),
        ("é: 1\nb: \x00".encode(), 2, "U+0000"),
        (b"a: 1\n  b: 2", 2, "mapping values are not allowed"),
        (b"a: 'x", 1, "unexpected end of stream"),
        (b"a:\n\t- b", 2, "Indent with spaces, not tabs."),
        (b"a: 1\n" + b"k" * 201 + b": 1", 2, "a key is longer than 200 characters"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(content, line, told):
    with pytest.raises(RecipeError) as caught:
        parse_yaml(content, "r.yaml")
    assert str(caught.value).startswith(f"r.yaml:{line}: ")
    assert told in str(caught.value)


def test_both_readers_of_pyyaml_refuse_the_same(monkeypatch):
    monkeypatch.setattr(parse, "LOADER", parse.yaml.SafeLoader)
    assert read("a: {b: [1, x]}").data == {"a": {"b": [1, "x"]}}
    for bad in ("a: 1\na: 2", "a: &x [*x]", "a: [" * 40, "é: \x00", "a: 'x"):
        with pytest.raises(RecipeError):
            read(bad)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_a_file_of_nothing_but_openings_ends_in_an_error_and_not_in_a_crash(opening):
    with pytest.raises(RecipeError, match=r"nested more than 32 deep|a key must be plain text"):
        read(opening * 100_000)


def test_aliases_that_multiply_are_stopped_early():
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    with pytest.raises(RecipeError, match="more than 50000 values, aliases counted in full"):
        read(bomb)


def test_anchors_size_and_depth_by_alias_are_bounded():
    with pytest.raises(RecipeError, match="more than 100 anchors"):
        read("\n".join(f"a{n}: &a{n} 1" for n in range(101)))
    with pytest.raises(RecipeError, match="larger than 1 MiB"):
        read("#" * (parse.MAX_BYTES + 1))
    assert read("#" * (parse.MAX_BYTES)).data is None
    deep = "a: &a " + "[" * 30 + "1" + "]" * 30 + "\nb: [[[*a]]]"
    with pytest.raises(RecipeError, match=r"r.yaml:2: values are nested more than 32 deep"):
        read(deep)


def test_the_bounds_are_where_they_are_said_to_be(monkeypatch):
    deepest = "a: " + "[" * (parse.MAX_DEPTH - 1) + "1" + "]" * (parse.MAX_DEPTH - 1)
    assert read(deepest).data["a"]
    with pytest.raises(RecipeError, match="nested more than 32 deep"):
        read(deepest.replace("1", "[1]"))
    monkeypatch.setattr(parse, "MAX_VALUES", 7)
    assert read("{a: 1, b: 2, c: 3}").data  # three keys, three values and the block itself
    with pytest.raises(RecipeError, match="more than 7 values"):
        read("{a: 1, b: 2, c: [3]}")


@given(st.binary(max_size=200))
def test_any_bytes_give_data_or_a_recipe_error(content):
    try:
        parse_yaml(content, "r.yaml")
    except RecipeError as error:
        assert str(error).startswith("r.yaml:")


# JSON is YAML but for some control characters and line separators, which YAML folds or refuses.
words = st.text(
    st.characters(max_codepoint=0xFFF0, exclude_categories=("Cs", "Cc", "Cn", "Cf", "Zl", "Zp")), max_size=8
)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | words
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(words, plain, max_size=4))
def test_json_is_read_as_json_reads_it(value):
    text = json.dumps(value, ensure_ascii=False)
    assert read(text).data == json.loads(text)
