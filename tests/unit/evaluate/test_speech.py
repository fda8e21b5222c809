"""Measures of speech: cepstra on the mel scale, exact alignment, and what they say of sounds that are known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from engram.errors import Refused
from engram.evaluate import judge_wer, mcd, mos_proxy
from engram.evaluate.alike import alike
from engram.evaluate.compare import compare, measure
from engram.evaluate.mel_cepstrum import DECIBELS, ORDER, WARP, _warping, align, distance, mel_cepstra
from engram.evaluate.spoken_answers import Heard, SpokenAnswers

CHANCE = np.random.default_rng(5)


def answers(**more) -> SpokenAnswers:
    given = {"texts": ("one", "two four", "six"), "distances": np.array([4.0, 6.0, 5.0]), "seconds": np.ones(3)}
    return SpokenAnswers(**{**given, "recorded": np.array([1.0, 2.0, 1.0]), **more})


def test_the_warped_cepstrum_is_the_spectrum_on_the_warped_axis():
    """log A(w) = sum c_k cos(k w) must be sum m_k cos(k v) with v = w + 2 atan(a sin w / (1 - a cos w))."""
    cepstrum = np.zeros(_warping().shape[1])
    cepstrum[:6] = [1.0, 0.8, -0.4, 0.2, 0.1, -0.05]
    mel = _warping() @ cepstrum
    frequency = np.linspace(0, np.pi, 50)
    warped = frequency + 2 * np.arctan(WARP * np.sin(frequency) / (1 - WARP * np.cos(frequency)))
    wanted = np.cos(np.outer(frequency, np.arange(6))) @ cepstrum[:6]
    found = np.cos(np.outer(warped, np.arange(ORDER + 1))) @ mel
    assert np.abs(found - wanted).max() < 1e-4


def test_the_path_is_the_cheapest_of_all_paths():
    for rows, columns in ((1, 1), (3, 5), (5, 4)):
        costs = CHANCE.random((rows, columns))
        found = costs[align(costs)].sum()
        assert found == pytest.approx(min(cost for cost in every_path(costs)))


def every_path(costs):
    rows, columns = costs.shape
    steps = ((1, 0), (0, 1), (1, 1))
    for length in range(max(rows, columns) - 1, rows + columns - 1):
        for taken in itertools.product(steps, repeat=length):
            places = np.cumsum([(0, 0), *taken], axis=0)
            if tuple(places[-1]) == (rows - 1, columns - 1) and (places < (rows, columns)).all():
                yield costs[places[:, 0], places[:, 1]].sum()


def voiced(pitch: float, formant: float, seconds: float = 0.3) -> np.ndarray:
    time = np.arange(int(seconds * 16_000)) / 16_000
    parts = [np.cos(2 * np.pi * pitch * n * time) / (1 + ((pitch * n - formant) / 300) ** 2) for n in range(1, 40)]
    return (0.05 * np.sum(parts, axis=0)).astype(np.float32)


def test_a_distance_of_one_coefficient_is_what_the_formula_says():
    one, other = np.zeros((3, ORDER + 1)), np.zeros((3, ORDER + 1))
    other[:, 4] = 0.5
    assert distance(one, other) == pytest.approx(DECIBELS * np.sqrt(2 * 0.25))
    other[:, 0] = 100.0  # loudness has no part
    assert distance(one, other) == pytest.approx(DECIBELS * np.sqrt(2 * 0.25))


def test_loudness_and_tempo_change_little_and_another_sound_much():
    sound = mel_cepstra(voiced(120, 600))
    assert distance(sound, sound) < 1e-5
    assert distance(sound, mel_cepstra(0.3 * voiced(120, 600))) < 0.2
    longer = distance(sound, mel_cepstra(voiced(120, 600, 0.45)))
    vowel = distance(sound, mel_cepstra(voiced(120, 1_800)))
    assert longer < 1.5 < 3.0 < vowel


def test_silence_has_a_distance_too():
    assert np.isfinite(distance(mel_cepstra(np.zeros(4_000, np.float32)), mel_cepstra(voiced(120, 600))))


def test_the_stand_in_falls_with_distance_and_tempo_and_stays_between_1_and_5():
    near, far = answers(distances=np.zeros(3), recorded=np.ones(3)), answers(distances=np.full(3, 40.0))
    assert mos_proxy.compute(near) == pytest.approx(1 + 0.035 * 93.2 + 7e-6 * 93.2 * 33.2 * 6.8)
    assert mos_proxy.compute(far) == 1.0
    slow = replace(near, seconds=np.full(3, 2.0))
    assert mos_proxy.compute(slow) < mos_proxy.compute(near)


def test_word_errors_are_those_of_all_words_and_need_a_judge():
    heard = answers(guesses=("one", "two for you", ""), judge="sha256:1")
    assert judge_wer.compute(heard) == pytest.approx(3 / 4)
    assert heard.correct().tolist() == [True, False, False]
    said = measure(answers(), [judge_wer.METRIC, mcd.METRIC], resamples=1000)
    assert said["judge_wer"].value is None
    assert "there is no judge" in said["judge_wer"].method
    assert said["mcd"].value == 5.0


def test_answers_survive_being_written_down():
    whole = answers(guesses=("one", "", "six"), judge="j", sounds=(Heard(0, "answer", b"fLaC1"), Heard(2, "copy", b"")))
    again = SpokenAnswers.from_arrays(whole.to_arrays())
    assert (again.texts, again.guesses, again.judge, again.sounds) == (
        whole.texts, whole.guesses, whole.judge, whole.sounds,
    )  # fmt: skip
    assert np.array_equal(again.distances, whole.distances)
    assert alike(whole, again).all()
    assert not alike(whole, replace(again, seconds=np.full(3, 2.0))).any()


def test_what_can_not_be_compared_is_refused():
    metrics = [mcd.METRIC, mos_proxy.METRIC]
    measures, details = compare(
        answers(sounds=(Heard(1, "answer", b"fLaC"),)), answers(distances=np.full(3, 9.0)), metrics, resamples=1000
    )
    assert measures["mcd"].difference == -4.0
    assert measures["mcd"].difference_interval[1] < 0
    assert details["samples"][0]["text"] == "two four"
    assert details["samples"][0]["sounds"]["answer"].startswith("data:audio/flac;base64,")
    with pytest.raises(Refused, match="different judges"):
        compare(answers(guesses=("a", "b", "c"), judge="1"), answers(guesses=("a", "b", "c"), judge="2"), metrics)
    with pytest.raises(Refused, match="distances of row 1"):
        answers(distances=np.array([1.0, np.nan, 1.0])).check()
    with pytest.raises(Refused, match="Row 2 has no text"):
        answers(texts=("a", "b", " ")).check()
