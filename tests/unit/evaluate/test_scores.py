"""Correlations agree with SciPy, with weights as with rows that stand there so often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support.answers import score_answers

from engram.errors import Refused
from engram.evaluate import pearson, spearman
from engram.evaluate.score_answers import ScoreAnswers


@settings(max_examples=60, deadline=None)
@given(case=score_answers(), seed=st.integers(0, 2**32 - 1))
def test_they_are_scipys_with_each_row_as_often_as_it_counts(case, seed):
    weights = np.random.default_rng(seed).integers(0, 4, case.rows)
    weights[:2] = 1  # two different true scores
    guess, truth = np.repeat(case.guess, weights), np.repeat(case.truth, weights)
    drawn = case.weighted(weights)
    assert pearson.compute(drawn) == pytest.approx(stats.pearsonr(guess, truth).statistic, abs=1e-9)
    assert spearman.compute(drawn) == pytest.approx(stats.spearmanr(np.round(guess, 9), truth).statistic, abs=1e-9)


def test_a_model_that_gives_all_the_same_score_knows_nothing():
    flat = ScoreAnswers(np.full(3, 0.5), np.array([1.0, 2.0, 3.0]))
    assert pearson.compute(flat) == spearman.compute(flat) == 0.0


@pytest.mark.parametrize(
    ("guess", "truth", "said"),
    [([], [], "rows"), ([0.1, np.nan], [0, 1], "score of row 1 is not finite"),
     ([0.1, 0.2], [0, np.inf], "true score of row 1"), ([0.1, 0.2], [3, 3], "All true scores are the same"),
     ([0.1, 0.2], [3], "true scores")],
)  # fmt: skip
def test_scores_that_tell_nothing_are_refused(guess, truth, said):
    with pytest.raises(Refused, match=said):
        ScoreAnswers(np.array(guess, dtype=float), np.array(truth, dtype=float)).check()


def test_other_true_scores_are_other_questions():
    one = ScoreAnswers(np.array([0.1, 0.2]), np.array([1.0, 2.0]))
    assert one.same_questions(ScoreAnswers(one.guess, np.array([1.0, 3.0]))) == "their true scores differ."
