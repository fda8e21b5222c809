"""R5 gives a figure only when both found the same vectors of the same texts."""

from __future__ import annotations

import json
import math

import encode
import pytest
import r5_encode as r5
import race
from race import Lap, RaceFailed

NAMES = tuple(r5.TITLES.values())
PLAN = encode.Plan(100, 1)
RESULT = {"texts": 100, "probes": [[1.0, 0.0], [0.6, 0.8]]}


def laps(**changes):
    """Return two rounds of both; the peer takes half as much time again, and changes fall on its last round."""
    return {
        NAMES[0]: [Lap(1.0, 1.0, 0.0, RESULT)] * 2,
        NAMES[1]: [Lap(1.5, 1.5, 0.0, RESULT), Lap(1.5, 1.5, 0.0, {**RESULT, **changes})],
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"texts": 99}, "different numbers of texts"),
        ({"probes": [[1.0, 0.0], [0.8, 0.6]]}, "the cosine 0.9600"),
        ({"probes": [[1.0, 0.0], [math.nan, 0.8]]}, "NOT EQUAL"),
    ],
)
def test_other_vectors_or_texts_give_no_figure(changes, said):
    with pytest.raises(RaceFailed, match=said):
        r5.check_work(laps(**changes))


def test_the_ratio_is_of_the_texts_in_a_cpu_second(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "FOLDER", tmp_path)
    monkeypatch.setattr(race, "versions", lambda packages: dict.fromkeys(packages, "1"))
    r5.finish(laps(), PLAN, quick=False)
    out = capsys.readouterr().out
    assert "ratio: engram: 1.50 x the texts of SentenceTransformer.encode in a CPU second" in out
    assert "goal: at least 1.2 x: reached" in out
    assert json.loads((tmp_path / "r5_encode.json").read_text())["speed"] == 1.5
    with pytest.raises(RaceFailed):
        r5.finish(laps(texts=99), PLAN, quick=False)
    assert "ratio" not in capsys.readouterr().out
    assert json.loads((tmp_path / "r5_encode.json").read_text())["speed"] is None


def test_the_texts_are_those_of_the_sample():
    assert len(encode.messages(7)) == 7
    assert all(encode.messages(7))
