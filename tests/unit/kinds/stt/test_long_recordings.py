"""Recordings longer than a model reads at once: windows, what is heard in both of two, and times."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import sounds, speech, tiny

from engram.data.attached import to_url
from engram.kinds.stt import transcribe as code
from engram.kinds.stt.hearing import hear
from engram.kinds.stt.spelling import Speller
from engram.kinds.stt.windows import join_texts, windows_of
from engram.kinds.stt.writing import Writer, write

SPELLER = Speller({"a": 3, "b": 4, "c": 5}, 0, 2)


@given(st.integers(1, 100_000), st.integers(2_000, 20_000))
def test_every_sample_is_answered_for_by_one_window(samples, most):
    windows = windows_of(7, samples, most, 320)
    assert all(one.row == 7 and one.stop - one.start <= most and one.start % 320 == 0 for one in windows)
    answered = [(one.start + one.left, one.stop - one.right) for one in windows]
    assert answered[0][0] == 0
    assert answered[-1][1] == samples
    assert all(before[1] == after[0] for before, after in pairwise(answered))


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (["one two three", "two three four"], "one two three four"),
        (["one two thr", "two three four"], "one two three four"),
        (["One, two", "two. Three"], "One, two Three"),
        (["one", "two"], "one two"),
        (["", "two", ""], "two"),
        (["nine nine", "nine nine"], "nine nine"),
    ],
)
def test_what_two_windows_heard_stands_once(texts, joined):
    assert " ".join(text for text in join_texts(texts) if text) == joined


def test_characters_are_told_by_frames_and_blanks():
    assert SPELLER.words([3, 3, 0, 3, 2, 2, 4, 4]) == [("aa", 0, 4), ("b", 6, 8)]
    assert SPELLER.words([0, 0]) == []
    assert SPELLER.words([2, 3, 1, 5]) == [("ac", 1, 4)]


@pytest.fixture(scope="module")
def speller(tmp_path_factory):
    folder = speech.save_speller(tmp_path_factory.mktemp("speller"))
    return code.load(speech.recipe(folder, tiny.FULL), ())


def ask(loaded, text: str):
    return code.answer(loaded, [to_url(sounds.wav(speech.spoken(text)))])[0]


def test_windows_of_a_model_that_spells_give_a_frame_for_every_frame(speller):
    text = "ab ba dad cab " * 4
    samples = len(speech.spoken(text))
    short = replace(speller, max_length=100)
    found = {}
    for loaded in (speller, short, replace(speller, max_length=2_000)):
        read = sounds.wav(speech.spoken(text))
        examples = replace(
            code.prepare(loaded, []),
            reads=[lambda read=read: read],
            texts=[text],
            targets=[[]],
            samples=[samples],
            lengths=[100],
        )
        found[loaded.max_length] = hear(loaded, examples)[0]
    assert len(found[100].chances) == len(found[2_000].chances) == speller.reading.frames(samples)
    assert found[100].words[-1]["end"] <= samples / 16_000
    assert all(one["start"] < one["end"] for one in found[100].words)


def test_words_and_segments_stand_in_time_and_pauses_part_segments(speller, monkeypatch):
    """The model is replaced by what it would say of each frame, so that the places can be told."""
    second = 50
    said = [0] * 2 * second
    said[10:20], said[30:40], said[90:95] = [3] * 10, [4] * 10, [5] * 5
    said[25] = said[60] = 2

    def logits(model, batch):
        assert batch["frames"].tolist() == [len(said)]
        return 10.0 * torch.nn.functional.one_hot(torch.tensor([said]), 11).float()

    monkeypatch.setattr("engram.kinds.stt.hearing.frame_logits", logits)
    (told,) = code.answer(speller, [to_url(sounds.wav(np.zeros(2 * 16_000, dtype=np.float32)))])
    assert told["text"] == "a b c"
    assert [(one["word"], one["start"], one["end"]) for one in told["words"]] == [
        ("a", 0.2, 0.4), ("b", 0.6, 0.8), ("c", 1.8, 1.9),
    ]  # fmt: skip
    assert [(one["text"], one["start"], one["end"]) for one in told["segments"]] == [("a b", 0.2, 0.8), ("c", 1.8, 1.9)]


@pytest.mark.parametrize("stamps", [True, False])
def test_a_model_that_writes_tells_times_where_it_has_tokens_for_them(tmp_path, stamps):
    loaded = code.load(speech.recipe(speech.save_writer(tmp_path, seed=2, stamps=stamps), tiny.FULL), ())
    assert isinstance(loaded.script, Writer)
    assert len(loaded.script.stamps) == (speech.SECONDS * 50 + 1 if stamps else 0)
    told = ask(loaded, "ab ba dad cab " * 4)
    seconds = told["seconds"]
    assert seconds > 2 * speech.SECONDS
    assert "words" not in told
    assert told["segments"]
    ends = [0.0]
    for one in told["segments"]:
        assert ends[-1] <= one["start"] <= one["end"] <= seconds + 0.01
        ends.append(one["end"])
    assert " ".join(one["text"] for one in told["segments"]) == told["text"]


def test_what_a_writer_may_never_write_is_never_written(tmp_path):
    loaded = code.load(speech.recipe(speech.save_writer(tmp_path, seed=3), tiny.FULL), ())
    features = torch.from_numpy(loaded.reading.features(speech.spoken("ab ba")))[None]
    with torch.inference_mode():
        (free,) = write(loaded.model.eval(), loaded.script, features, 12)
        (first,) = write(loaded.model, replace(loaded.script, not_first=(free[0],)), features, 12)
        (bound,) = write(loaded.model, replace(loaded.script, unwanted=tuple(set(free))), features, 12)
    assert 0 < len(free) <= 12
    assert first[0] != free[0]
    assert not set(bound) & set(free)
