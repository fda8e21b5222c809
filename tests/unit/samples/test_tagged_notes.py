"""The tagged notes are what their README says: well-formed tags, unique notes, and the words that `predict` sees."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import engram.samples
from engram.kinds.language.tag.split import split

FOLDER = Path(engram.samples.__file__).parent
TYPES = {"person", "place", "organisation", "date"}
PERSONAL = {
    "e-mail": r"\S@\S",
    "web address": r"(?i)https?:|www\.|\b[a-z0-9-]+\.(com|org|net|io|de|uk|eu)\b",
    "telephone number": r"\+\d{2}|\d(?:[ ./()]?\d){6,}",
}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [json.loads(line) for line in (FOLDER / "tagged_notes.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_row_has_one_tag_a_word_in_iob2(rows):
    assert len(rows) >= 400
    for row in rows:
        assert set(row) == {"tokens", "tags", "scene"}
        assert len(row["tokens"]) == len(row["tags"]) > 0
        assert all(re.fullmatch(rf"O|[BI]-({'|'.join(TYPES)})", tag) for tag in row["tags"])
        for before, tag in zip(["O", *row["tags"]], row["tags"], strict=False):
            assert tag[0] != "I" or before in (tag, f"B{tag[1:]}"), row


def test_the_words_are_those_that_a_text_is_parted_into(rows):
    for row in rows:
        text = " ".join(row["tokens"]).replace(" 's", "'s")
        assert [text[begin:end] for begin, end in split(text)] == row["tokens"]


def test_no_note_stands_twice_and_names_are_marked_alike_in_one_scene(rows):
    texts = [" ".join(row["tokens"]).casefold() for row in rows]
    assert len(set(texts)) == len(texts)
    kinds = defaultdict(set)
    for row in rows:
        kinds[row["scene"]].add(tuple(tag[2:] for tag in row["tags"] if tag.startswith("B")))
    assert all(len(found) == 1 for found in kinds.values())


def test_a_word_can_be_several_things(rows):
    seen = defaultdict(set)
    for row in rows:
        for word, tag in zip(row["tokens"], row["tags"], strict=True):
            seen[word.casefold()].add(tag.split("-")[-1])
    assert seen["marlow"] >= {"place", "person", "organisation"}
    assert seen["april"] >= {"date", "person"}
    assert seen["march"] >= {"date", "O"}


@pytest.mark.parametrize("what", sorted(PERSONAL))
def test_nothing_personal_is_in_the_notes(rows, what):
    assert [row for row in rows if re.search(PERSONAL[what], " ".join(row["tokens"]))] == []


def test_the_readme_counts_are_true(rows):
    text = (FOLDER / "README.md").read_text(encoding="utf-8").split("## tagged_notes.jsonl")[1].split("\n## ")[0]
    words = sum(len(row["tokens"]) for row in rows)
    assert f"Rows: {len(rows)}. Scenes: {len({row['scene'] for row in rows})}. Words: {words}." in text
    lengths = [len(row["tokens"]) for row in rows]
    assert f"{min(lengths)} to {max(lengths)} of them" in text
    stated = {label: int(n) for label, n in re.findall(r"\| `(\w+)` \| (\d+) \|", text)}
    assert stated == Counter(tag[2:] for row in rows for tag in row["tags"] if tag.startswith("B"))
