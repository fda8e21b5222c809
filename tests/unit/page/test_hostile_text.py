"""Text from data is shown, never obeyed: markup, templates, bidi and control characters stay inert."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.pipeline.page.text import esc, short

EVIL = "\"'><script>alert(1)</script><img src=x onerror=y>{{7*7}}</style>&#60;\u202etxt\x00\x1b[1m\ud800\n</title>"
SHOWN = "\\u202etxt\\u0000\\u001b[1m\\ud800\\u000a"
TYPES = {"state", "format", "stage", "severity", "decision", "op", "part", "deduplicate", "use", "precision", "type"}


def poison(value: Any, key: str = "") -> Any:
    """Return the record with hostile text in every field that holds free text, and in every key."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: poison(getattr(value, f.name), f.name) for f in dataclasses.fields(value) if f.init}
        return dataclasses.replace(value, **changed)
    if isinstance(value, str):
        return value if key in TYPES else value + EVIL
    if isinstance(value, dict):
        known = key in {"class_counts", "details", "metrics", "verdicts", "reports", "example", "examples", "baselines"}
        keep = known or any(isinstance(item, int | float) and k in {"f1", "lower", "row"} for k, item in value.items())
        return {k if keep else k + EVIL: poison(item, k) for k, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(poison(item, key) for item in value)
    return value


@pytest.fixture(params=["sample", "tagged", "written"])
def hostile(request):
    sample = request.getfixturevalue(request.param)
    for name in ("run", "recipe", "data", "reports", "verdicts", "provenance"):
        setattr(sample, name, poison(getattr(sample, name), name))
    return sample


def test_nothing_from_data_becomes_an_element_or_a_handler(hostile, look):
    seen = look(hostile)
    tags = [tag for tag, _ in seen.elements]
    assert (
        tags.count("script")
        == tags.count("style")
        == tags.count("title") - tags[tags.index("body") :].count("title")
        == 1
    )
    assert "img" not in tags
    assert not [name for _, known in seen.elements for name in known if name.startswith("on")]
    assert not [known for _, known in seen.elements if "style" in known]
    assert not seen.unclosed


def test_what_is_hidden_is_shown_as_its_code_point(hostile, look):
    html = hostile.html()
    assert SHOWN in look(hostile).text("main")
    assert not set(html) & set("\u202e\x00\x1b\ud800")
    assert html.encode("utf-8")


def test_templates_stay_as_they_are_written(hostile, look):
    assert "{{7*7}}" in look(hostile).text("main")


@settings(deadline=None)
@given(st.text(alphabet=st.characters()))
def test_escaped_text_opens_nothing_and_can_be_written(text):
    shown = esc(text)
    assert not set(shown) & set("<>\"'\n\r\t\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert shown.encode("utf-8").decode("utf-8") == shown


@settings(deadline=None)
@given(st.text(max_size=80), st.integers(2, 20))
def test_shortened_text_never_ends_inside_an_entity(text, length):
    shown = short(text, length)
    assert "&" not in shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").replace("&quot;", "").replace(
        "&#x27;", ""
    )
