"""The signal sounds are what their README says: made by their script, of six signals and six devices, all readable."""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from pathlib import Path

import pytest

import engram.samples
from engram.data import sound
from engram.data.attached import from_url

FILE = Path(engram.samples.__file__).parent / "signal_sounds.csv"
SCRIPT = Path(__file__).parents[3] / ".ci" / "make_sounds.py"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="ascii", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_script_makes_the_file_byte_by_byte():
    spec = importlib.util.spec_from_file_location("make_sounds", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.table() == FILE.read_text(encoding="ascii")


def test_every_device_gives_every_signal_equally_often(rows):
    assert len(rows) == 180
    assert set(Counter((row["label"], row["device"]) for row in rows).values()) == {5}
    assert len({row["audio"] for row in rows}) == 180


def test_every_sound_can_be_read_and_is_shorter_than_a_second(rows):
    for row in rows:
        found = sound.check(from_url(row["audio"]))
        assert found["rate"] == 8_000
        assert 0.2 < found["seconds"] < 0.6
        assert 0.05 < abs(sound.decode(from_url(row["audio"]), 8_000)).max() < 1.0
