"""The touch tones are what their README says: made by their script, of six phones, all readable, each digit there."""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from pathlib import Path

import pytest

import engram.samples
from engram.data import sound
from engram.data.attached import from_url

FILE = Path(engram.samples.__file__).parent / "touch_tones.csv"
SCRIPT = Path(__file__).parents[3] / ".ci" / "make_tones.py"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="ascii", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_script_makes_the_file_byte_by_byte():
    spec = importlib.util.spec_from_file_location("make_tones", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.table() == FILE.read_text(encoding="ascii")


def test_every_phone_gives_thirty_strings_and_every_digit(rows):
    assert set(Counter(row["phone"] for row in rows).values()) == {30}
    assert len({row["audio"] for row in rows}) == 180
    for phone in {row["phone"] for row in rows}:
        assert {digit for row in rows if row["phone"] == phone for digit in row["text"].split()} == set("0123456789")


def test_every_sound_can_be_read_and_has_time_for_its_digits(rows):
    for row in rows:
        found = sound.check(from_url(row["audio"]))
        assert found["rate"] == 4_000
        assert 0.2 * len(row["text"].split()) < found["seconds"] < 2.4
