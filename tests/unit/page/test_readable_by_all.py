"""The report can be read in both themes, by keyboard, by screen reader, on paper and without its script."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from engram.pipeline.page.style import sheet
from engram.pipeline.page.tokens import PAIRS, colours, contrast


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]} on {pair[1]}")
def test_declared_pairs_have_enough_contrast(theme, pair):
    front, back, least = pair
    found = colours(theme)
    assert contrast(found[front], found[back]) >= least


def test_contrast_is_the_ratio_of_wcag():
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast("#4d8bf5", "#ffffff") == pytest.approx(3.32, abs=0.01)


def test_every_text_colour_of_the_style_is_a_declared_one():
    text = {front for front, _, least in PAIRS if least == 4.5}
    used = set(re.findall(r"(?<![-\w])color:var\(--([\w-]+)\)", sheet()))
    assert used
    assert used <= text


def test_both_themes_declare_the_same_colours():
    assert colours("dark").keys() == colours("light").keys()
    assert set(re.findall(r"var\(--([\w-]+)", sheet())) <= set(re.findall(r"--([\w-]+):", sheet()))


def test_theme_follows_the_system_and_can_be_changed_without_script_or_storage(sample, look):
    seen = look(sample)
    radios = [known for tag, known in seen.elements if tag == "input"]
    assert [known["id"] for known in radios] == ["theme-system", "theme-light", "theme-dark"]
    assert [("checked" in known) for known in radios] == [True, False, False]
    labels = {known["for"] for tag, known in seen.elements if tag == "label"}
    assert labels == {known["id"] for known in radios}
    style = seen.inside("style")
    assert "prefers-color-scheme:light" in style
    assert ":has(#theme-dark:checked)" in style
    assert not re.search("localStorage|sessionStorage|cookie|indexedDB", sample.html())


def test_style_keeps_focus_visible_and_knows_paper_and_forced_colours():
    style = sheet()
    assert ":focus-visible{outline:3px solid var(--focus);outline-offset:2px}" in style
    assert "outline:0" not in style
    assert "outline:none" not in style
    for wish in ("@media print", "forced-colors:active", "prefers-reduced-motion:no-preference"):
        assert wish in style


def test_boxes_that_scroll_can_be_focused_and_have_names(sample, wide, look):
    for seen in (look(sample), look(wide)):
        boxes = [known for _, known in seen.elements if known.get("class", "").startswith("scroll")]
        assert boxes
        assert all(known["tabindex"] == "0" and known["role"] == "region" and known["aria-label"] for known in boxes)


def test_every_drawing_is_named_or_hidden(sample, wide, look):
    for page in (sample, wide):
        assert not Unnamed(page.html()).found
        assert not look(page).unclosed


def test_headings_go_down_one_step_at_a_time(sample, look):
    levels = [int(tag[1]) for tag, _ in look(sample).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes(sample, look):
    elements = look(sample).elements
    tables = [tag for tag, _ in elements if tag == "table"]
    assert len(tables) == len([tag for tag, _ in elements if tag == "caption"]) >= 6
    assert all(known.get("scope") in {"col", "row"} for tag, known in elements if tag == "th")


def test_cursor_finds_one_place_for_each_line_of_the_table(sample, look):
    places = [float(known["data-x"]) for tag, known in look(sample).elements if tag == "tr" and "data-x" in known]
    assert len(places) == 181
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 100)


class Unnamed(HTMLParser):
    """Finds drawings that have neither a name nor a hidden mark, on themselves or around them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cover: list[bool] = []
        self.found: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag in {"meta", "link", "input", "br"}:
            return
        known = dict(attrs)
        covered = bool(self.cover and self.cover[-1]) or "aria-hidden" in known or known.get("role") == "img"
        if tag == "svg" and not covered:
            self.found.append(known)
        self.cover.append(covered)

    def handle_startendtag(self, tag, attrs):
        return

    def handle_endtag(self, tag):
        self.cover.pop()
