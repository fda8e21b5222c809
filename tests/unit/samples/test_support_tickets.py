"""The sample tickets are what their README says: labelled, grouped, unique, and free of anything personal."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import engram.samples

FOLDER = Path(engram.samples.__file__).parent
FILE = FOLDER / "support_tickets.csv"
COLUMNS = ["text", "category", "sentiment", "emotion", "intensity", "tone", "scenario"]
LABELS = {
    "category": {
        "billing",
        "refund",
        "delivery",
        "account_access",
        "technical_problem",
        "feature_request",
        "cancellation",
        "general_question",
    },
    "sentiment": {"negative", "neutral", "positive"},
    "emotion": {
        "anger",
        "frustration",
        "worry",
        "sadness",
        "confusion",
        "neutral",
        "relief",
        "gratitude",
        "joy",
    },
    "tone": {"formal", "polite", "casual", "urgent", "sarcastic"},
}
LEAST = {"category": 120, "sentiment": 200, "emotion": 60, "tone": 100}
SENTIMENT_OF = {
    "anger": "negative",
    "frustration": "negative",
    "worry": "negative",
    "sadness": "negative",
    "confusion": "neutral",
    "neutral": "neutral",
    "relief": "positive",
    "gratitude": "positive",
    "joy": "positive",
}
PERSONAL = {
    "e-mail": r"\S@\S",
    "web address": r"(?i)https?:|www\.|\b[a-z0-9-]+\.(com|org|net|io|de|uk|eu)\b",
    "telephone number": r"\+\d{2}|\d(?:[ ./()-]?\d){5,}",
    "card number": r"(?:\d[ -]?){12,}",
}

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with FILE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def triples(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return set(zip(found, found[1:], found[2:], strict=False))


def test_the_header_names_exactly_the_promised_columns() -> None:
    with FILE.open(encoding="utf-8", newline="") as stream:
        assert next(csv.reader(stream)) == COLUMNS


def test_every_row_has_every_cell_filled_and_trimmed(rows: list[Row]) -> None:
    for row in rows:
        assert set(row) == set(COLUMNS), row
        assert all(cell and cell == cell.strip() for cell in row.values()), row


def test_there_are_enough_rows_and_scenarios(rows: list[Row]) -> None:
    assert len(rows) >= 1200
    assert len({row["scenario"] for row in rows}) >= 300


@pytest.mark.parametrize("column", sorted(LABELS))
def test_each_label_is_known_and_has_enough_rows(rows: list[Row], column: str) -> None:
    counts = Counter(row[column] for row in rows)
    assert set(counts) == LABELS[column]
    assert min(counts.values()) >= LEAST[column], counts


def test_categories_are_roughly_balanced(rows: list[Row]) -> None:
    counts = Counter(row["category"] for row in rows)
    assert max(counts.values()) <= 1.5 * min(counts.values()), counts


def test_intensity_is_one_decimal_between_nothing_and_one(rows: list[Row]) -> None:
    for row in rows:
        assert re.fullmatch(r"0\.\d|1\.0", row["intensity"]), row


def test_a_feeling_is_intense_and_its_absence_is_not(rows: list[Row]) -> None:
    for row in rows:
        if row["emotion"] == "neutral":
            assert float(row["intensity"]) <= 0.4, row
        else:
            assert float(row["intensity"]) >= 0.3, row


def test_sentiment_follows_emotion_as_the_readme_says(rows: list[Row]) -> None:
    for row in rows:
        assert row["sentiment"] == SENTIMENT_OF[row["emotion"]], row


def test_no_text_occurs_twice(rows: list[Row]) -> None:
    seen = Counter(" ".join(words(row["text"])) for row in rows)
    assert [text for text, times in seen.items() if times > 1] == []


def test_messages_are_between_five_and_seventy_words_on_one_line(rows: list[Row]) -> None:
    for row in rows:
        assert 5 <= len(row["text"].split()) <= 70, row
        assert row["text"].isprintable(), row


def test_every_scenario_has_one_category_and_few_rows(rows: list[Row]) -> None:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        assert re.fullmatch(r"s\d{4}", row["scenario"]), row
        groups[row["scenario"]].append(row)
    for name, members in groups.items():
        assert len({row["category"] for row in members}) == 1, name
        assert 2 <= len(members) <= 8, name


def test_each_category_has_at_least_forty_scenarios(rows: list[Row]) -> None:
    pairs = {(row["category"], row["scenario"]) for row in rows}
    counts = Counter(category for category, _ in pairs)
    assert min(counts.values()) >= 40, counts


def test_no_row_nearly_repeats_a_row_of_another_scenario(rows: list[Row]) -> None:
    grams = [triples(row["text"]) for row in rows]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, own in enumerate(grams):
        shared = Counter(other for gram in own for other in holders[gram])
        for other, common in shared.items():
            if rows[other]["scenario"] != rows[index]["scenario"]:
                overlap = common / len(own | grams[other])
                assert overlap < 0.7, (rows[index]["text"], rows[other]["text"])
        for gram in own:
            holders[gram].append(index)


@pytest.mark.parametrize("what", sorted(PERSONAL))
def test_nothing_personal_is_in_the_texts(rows: list[Row], what: str) -> None:
    assert [row["text"] for row in rows if re.search(PERSONAL[what], row["text"])] == []


@pytest.mark.parametrize(
    ("what", "example"),
    [
        ("e-mail", "write to someone@example"),
        ("web address", "see shop.com today"),
        ("telephone number", "call 555 01 99"),
        ("card number", "card 4111 1111 1111 1111"),
    ],
)
def test_the_search_for_personal_data_would_find_some(what: str, example: str) -> None:
    assert re.search(PERSONAL[what], example)


def test_the_readme_counts_are_true(rows: list[Row]) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    scenarios = {row["scenario"] for row in rows}
    assert f"Rows: {len(rows)}. Scenarios: {len(scenarios)}." in text
    stated = {(column, label): int(n) for column, label, n in re.findall(r"\| (\w+) \| `(\w+)` \| (\d+) \|", text)}
    counted = {(column, label): n for column in LABELS for label, n in Counter(row[column] for row in rows).items()}
    assert stated == counted


def test_the_readme_says_that_this_is_a_sample_under_cc0() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "**sample**" in text
    assert "CC0 1.0" in text
    assert "Do not put a model into production" in text
