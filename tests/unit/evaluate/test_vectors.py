"""What is found in a gallery, by hand: several right things, ties, the question itself, and what can't be scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engram.errors import Refused
from engram.evaluate import cosine_sim, mrr, recall_at_k
from engram.evaluate.alike import alike
from engram.evaluate.compare import compare
from engram.evaluate.vector_answers import VectorAnswers


def on_a_circle(degrees, truth, asked, asked_truth, own=None) -> VectorAnswers:
    """Return things and questions that lie at angles, so that the nearest is the one at the nearest angle."""

    def points(angles):
        radians = np.deg2rad(np.asarray(angles, dtype=np.float64))
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)

    places = np.full(len(asked), -1) if own is None else np.array(own)
    return VectorAnswers(points(asked), points(degrees), np.array(asked_truth), np.array(truth), places)


def test_recall_counts_right_things_among_the_five_nearest():
    # Of three right things two are among the five nearest; of seven right ones five can be, and four are.
    answers = on_a_circle([1, 2, 3, 4, 5, 60], [0, 9, 0, 9, 9, 0], [0], [0])
    assert recall_at_k.compute(answers) == pytest.approx(2 / 3)
    many = on_a_circle(range(1, 10), [0, 0, 0, 0, 9, 0, 0, 0, 9], [0], [0])
    assert recall_at_k.compute(many) == pytest.approx(4 / 5)


def test_the_reciprocal_rank_is_that_of_the_first_right_thing():
    assert mrr.compute(on_a_circle([1, 2, 3, 4], [9, 9, 0, 0], [0], [0])) == pytest.approx(1 / 3)


def test_cosine_is_the_mean_over_right_things():
    answers = on_a_circle([0, 60, 90], [0, 0, 9], [0], [0])
    assert cosine_sim.compute(answers) == pytest.approx((1 + 0.5) / 2, abs=1e-6)


def test_a_question_does_not_find_itself():
    answers = on_a_circle([0, 1, 2], [0, 9, 0], [0], [0], own=[0])
    assert mrr.compute(answers) == 0.5
    assert cosine_sim.compute(answers) == pytest.approx(np.cos(np.deg2rad(2)), abs=1e-6)
    assert answers.relevant_counts().tolist() == [1]


def test_an_encoder_that_tells_nothing_apart_finds_nothing():
    same = np.ones((8, 3), dtype=np.float32)
    answers = VectorAnswers(same, same, np.arange(8), np.arange(8), np.full(8, -1))
    assert recall_at_k.compute(answers) == 0.0
    assert mrr.compute(answers) == pytest.approx(1 / 8)
    assert cosine_sim.compute(answers) == pytest.approx(1.0), "which is why it decides nothing"


def test_a_question_with_nothing_right_does_not_count():
    answers = on_a_circle([1, 2], [0, 9], [0, 0], [0, 5])
    assert answers.relevant_counts().tolist() == [1, 0]
    assert recall_at_k.compute(answers) == 1.0
    answers.check()
    with pytest.raises(Refused, match="anything right"):
        on_a_circle([1, 2], [0, 9], [0], [5]).check()


def test_things_that_are_right_for_nobody_are_never_right():
    answers = on_a_circle([1, 50], [-1, 0], [0, 0], [0, -1])
    assert answers.relevant_counts().tolist() == [1, 0]
    assert mrr.compute(answers) == 0.5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"queries": np.full((2, 2), np.nan, dtype=np.float32)}, "has no direction"),
        ({"gallery": np.zeros((2, 2), dtype=np.float32)}, "has no direction"),
        ({"gallery": np.ones((2, 3), dtype=np.float32)}, "one width"),
        ({"truth": np.zeros(3, dtype=np.int64)}, "classes of the questions"),
        ({"own": np.array([0, 7])}, "does not have"),
        ({"weights": np.array([1, -1])}, "weights"),
    ],
)
def test_answers_that_can_not_be_scored_honestly_are_refused(change, told):
    good = on_a_circle([1, 2], [0, 1], [0, 1], [0, 1])
    good.check()
    with pytest.raises(Refused, match=told):
        replace(good, **change).check()


def test_two_encoders_are_compared_question_by_question_on_one_gallery():
    asked, truth = list(range(0, 120, 10)), list(range(12))
    near = on_a_circle([one + 1 for one in asked], truth, asked, truth)
    far = on_a_circle([one + 90 for one in asked], truth, asked, truth)
    measures, _ = compare(near, far, [recall_at_k.METRIC, mrr.METRIC], resamples=1000)
    assert measures["mrr"].value == 1.0
    assert measures["mrr"].difference_interval[0] > 0
    assert "gallery of 12 texts" in measures["recall_at_k"].method
    with pytest.raises(Refused, match="galleries differ"):
        compare(near, on_a_circle(asked, truth[::-1], asked, truth), [mrr.METRIC], resamples=0)
    assert alike(near, near).all()
    assert alike(near, replace(near, queries=-near.queries)).tolist() == [False] * 12


def test_they_survive_the_way_through_arrays():
    answers = on_a_circle([1, 2], [0, 1], [0, 1], [0, 1])
    again = VectorAnswers.from_arrays(answers.to_arrays())
    assert again.same_questions(answers) == ""
    with pytest.raises(Refused, match="gallery"):
        VectorAnswers.from_arrays({"queries": answers.queries})
