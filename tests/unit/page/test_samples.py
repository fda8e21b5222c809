"""Samples of speech in the report: players for what is a sound, and nothing for what only says so."""

from __future__ import annotations

from engram.pipeline.page.samples import section
from engram.schema.report import Report

SOUND = "data:audio/flac;base64,ZkxhQw=="


def report(**line) -> Report:
    whole = {"row": 0, "text": "one <b>", "distance": 4.25, "heard": None, "sounds": {"answer": SOUND}, **line}
    return Report("r", "evaluate", 1, {}, details={"samples": [whole]})


def test_a_row_has_a_player_for_each_of_its_sounds_and_says_what_the_judge_heard():
    found = section(report(sounds=dict.fromkeys(("reference", "copy", "answer"), SOUND), heard="nine"))
    assert found.count("<audio controls") == found.count(f'src="{SOUND}"') == 3
    assert 'aria-label="Model: one &lt;b&gt;"' in found
    assert "4.25 dB from the recording" in found
    assert "<dt>Heard by the judge</dt><dd>nine</dd>" in found
    assert "<b>one &lt;b&gt;</b>" in found


def test_what_is_no_sound_is_not_played():
    for bad in ("javascript:alert(1)", f'{SOUND}" onerror="x', "data:text/html;base64,AA==", "https://x/a.flac", 7):
        found = section(report(sounds={"answer": bad}))
        assert "<audio" not in found
        assert "onerror" not in found


def test_without_samples_a_sentence_stands_there():
    assert "when the evaluate stage has ended" in section(None)
    assert "The report holds no samples." in section(Report("r", "evaluate", 1, {}, details={"samples": [7]}))


def test_a_judge_that_heard_nothing_is_said_to_have_heard_nothing():
    assert "<dd>nothing</dd>" in section(report(heard=""))
