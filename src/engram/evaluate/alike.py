"""Which rows two models answer alike: what a reopened export and a reproduced model are asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.episode_answers import EpisodeAnswers
from engram.evaluate.metric import Scored
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.spoken_answers import SpokenAnswers
from engram.evaluate.text_answers import TextAnswers
from engram.evaluate.vector_answers import VectorAnswers

# Two roundings of one sum of log-probabilities lie nearer than this, in nats per token.
SAME_LOSS = 1e-3
# Vectors whose numbers all lie nearer than this are one vector.
SAME_VECTOR = 1e-4
# Two sounds of the same length are the same where their distances from a recording are, in dB.
SAME_DISTANCE = 0.01


def alike(one: Scored, other: Scored) -> NDArray[np.bool_]:
    """Return for each row whether both gave the same answer, (rows,): class, all tags, text, vector, return or sound.

    Texts that were not written count as the same where their losses are, within 0.001 nats per token.

    >>> a, b = (Answers(np.array([0, 1]), np.array(guess), None, ("no", "yes")) for guess in ([0, 1], [0, 0]))
    >>> alike(a, b).tolist()
    [True, False]
    """
    if type(one) is not type(other) or one.rows != other.rows:
        return np.zeros(one.rows, dtype=bool)
    ours: Any = one
    theirs: Any = other
    if isinstance(one, Answers):
        return np.asarray(ours.guess == theirs.guess)
    if isinstance(one, EpisodeAnswers):
        return np.asarray((ours.steps == theirs.steps) & np.isclose(ours.returns, theirs.returns, rtol=1e-3, atol=1e-3))
    if isinstance(one, SpanAnswers):
        wrong = np.r_[0, np.cumsum(ours.guess != theirs.guess)]
        return np.asarray(wrong[one.offsets[1:]] == wrong[one.offsets[:-1]])
    if isinstance(one, VectorAnswers):
        apart = np.abs(ours.queries - theirs.queries) if ours.queries.shape == theirs.queries.shape else np.inf
        return np.broadcast_to(np.asarray(apart <= SAME_VECTOR).all(axis=-1), (one.rows,))
    if isinstance(one, TextAnswers) and one.guesses is not None and theirs.guesses is not None:
        return np.array([a == b for a, b in zip(one.guesses, theirs.guesses, strict=True)], dtype=bool)
    if isinstance(one, SpokenAnswers):
        same: NDArray[np.bool_] = (ours.seconds == theirs.seconds) & (
            np.abs(ours.distances - theirs.distances) <= SAME_DISTANCE
        )
        return same
    near: NDArray[np.bool_] = np.abs(ours.nll - theirs.nll) <= SAME_LOSS * np.maximum(1, ours.tokens)
    return near
