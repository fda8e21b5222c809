"""The sample replies are what their README says: whole, grouped, unique, and free of anything personal."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import engram.samples

FOLDER = Path(engram.samples.__file__).parent
FILE = FOLDER / "ticket_replies.csv"
COLUMNS = ["message", "reply", "note", "wish", "situation"]
WISHES = {
    "refund": "a refund",
    "replacement": "a replacement",
    "repair": "a repair",
    "part": "a spare part",
    "advice": "advice",
}
COVER = ("refund possible", "under guarantee", "out of guarantee")
NOTE = re.compile(
    rf"([a-z' ]+): ([a-z' ]+); bought ([a-z ]+), ({'|'.join(COVER)}); wants ({'|'.join(WISHES.values())})"
)
CLOSINGS = ("Kind regards, your service team", "Yours sincerely, your service team", "All the best, your service team")
PERSONAL = {
    "e-mail": r"\S@\S",
    "web address": r"(?i)https?:|www\.|\b[a-z0-9-]+\.(com|org|net|io|de|uk|eu)\b",
    "a number": r"\d",
}

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with FILE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def test_the_header_names_exactly_the_promised_columns(rows):
    assert all(list(row) == COLUMNS for row in rows)
    assert all(cell and cell == cell.strip() and cell.isprintable() for row in rows for cell in row.values())


def test_there_are_enough_rows_and_no_message_occurs_twice(rows):
    assert len(rows) >= 1200
    assert len({re.sub(r"\W+", " ", row["message"].lower()) for row in rows}) == len(rows)


def test_a_situation_is_one_thing_with_one_fault(rows):
    found = defaultdict(set)
    for row in rows:
        thing, fault = NOTE.match(row["note"]).groups()[:2]
        found[row["situation"]].add((thing, fault))
    assert all(len(one) == 1 for one in found.values())
    assert len(set().union(*found.values())) == len(found) >= 300


def test_a_note_has_one_form_and_says_what_the_row_says(rows):
    for row in rows:
        thing, fault, age, cover, wish = NOTE.match(row["note"]).groups()
        rest = row["note"].removeprefix(NOTE.match(row["note"]).group())
        assert rest in ("", "; urgent"), row
        assert (rest != "") == ("marked as urgent" in row["reply"]), row
        assert wish == WISHES[row["wish"]], row
        assert thing in row["message"] and thing in row["reply"], row
        assert f"your {thing} {fault}" in row["reply"], row
        assert age in row["message"].lower(), row
        assert cover in COVER


def test_a_guarantee_follows_the_age(rows):
    covers = defaultdict(set)
    for row in rows:
        _, _, age, cover, _ = NOTE.match(row["note"]).groups()
        covers[age].add(cover)
    assert all(len(found) == 1 for found in covers.values())
    assert {next(iter(found)) for found in covers.values()} == set(COVER)


def test_a_reply_is_whole(rows):
    for row in rows:
        assert row["reply"].startswith(("Hello, thank you", "Dear customer, thank you", "Hi there, sorry")), row
        assert row["reply"].endswith(CLOSINGS), row
        assert len(re.findall(r"[.!]", row["reply"])) >= 2, row
        assert "{" not in row["reply"] + row["message"], row


def test_articles_fit(rows):
    text = " ".join(row["message"] + " " + row["reply"] for row in rows)
    assert not re.search(r"\ba [aeio]\w+", text)
    assert not re.search(r"\ban [^aeiouh\W]\w+", text)


@pytest.mark.parametrize("what", sorted(PERSONAL))
def test_nothing_personal_is_in_the_texts(rows, what):
    assert [row for row in rows if re.search(PERSONAL[what], row["message"] + row["reply"] + row["note"])] == []


def test_the_readme_counts_are_true(rows):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    own = text[text.index("## ticket_replies.csv") :]
    assert f"Rows: {len(rows)}. Situations: {len({row['situation'] for row in rows})}." in own
    stated = {wish: int(n) for wish, n in re.findall(r"\| `(\w+)` \| (\d+) \|", own)}
    assert stated == Counter(row["wish"] for row in rows)
