"""The made voices are what their README says: made by their script, of ninety words in two voices, all readable."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import engram.samples
from engram.data import sound
from engram.data.attached import from_url

FILE = Path(engram.samples.__file__).parent / "made_voices.csv"
SCRIPT = Path(__file__).parents[3] / ".ci" / "make_voices.py"


def test_the_script_makes_the_file_byte_by_byte():
    spec = importlib.util.spec_from_file_location("make_voices", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.table() == FILE.read_text(encoding="ascii")


def test_both_voices_speak_every_word_once_and_every_sound_can_be_read():
    with FILE.open(encoding="ascii", newline="") as stream:
        rows = list(csv.DictReader(stream))
    words = {row["text"] for row in rows}
    assert len(words) == 90
    assert {(row["text"], row["voice"]) for row in rows} == {(w, v) for w in words for v in ("deep", "clear")}
    for row in rows:
        found = sound.check(from_url(row["audio"]))
        assert found["rate"] == 8_000
        assert 0.35 < found["seconds"] < 0.5
        assert 0.05 < abs(sound.decode(from_url(row["audio"]), 8_000)).max() < 1.0
