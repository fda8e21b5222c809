"""Reference baselines of any classifier: the commonest label, and a linear probe on features of an untouched model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engram.errors import LearnsNothing
from engram.evaluate.answers import Answers

PROBE_ROWS = 4000


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the softmax of each row.

    >>> probabilities(np.zeros((1, 4), dtype=np.float32)).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def majority(train_targets: NDArray[np.int64], truth: NDArray[np.int64], labels: tuple[str, ...]) -> Answers:
    """Answer every row with the commonest label of the training rows; a target below 0 is none."""
    counts = np.bincount(train_targets[train_targets >= 0], minlength=len(labels)).astype(np.float64)
    chances = np.tile(counts / counts.sum(), (len(truth), 1))
    return Answers(truth, np.full(len(truth), int(counts.argmax()), dtype=np.int64), chances, labels)


def linear_probe(
    train: NDArray[np.float32],
    train_targets: NDArray[np.int64],
    test: NDArray[np.float32],
    truth: NDArray[np.int64],
    labels: tuple[str, ...],
) -> Answers:
    """Fit logistic regression (L2, C chosen by 3-fold cross-validation on the training rows) and answer the test.

    Raises LearnsNothing when there is only one label to learn from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    known = train_targets >= 0
    train, train_targets = train[known], train_targets[known]
    if len(np.unique(train_targets)) < 2:
        raise LearnsNothing(
            f"All {len(train_targets)} training rows carry the same label.",
            remedy="A classifier needs two labels at least; `engram data check` counts them.",
        )
    best = 10.0
    if np.bincount(train_targets).min(initial=len(train), where=np.bincount(train_targets) > 0) >= 3:
        sample = np.random.Generator(np.random.PCG64(0)).permutation(len(train))[:PROBE_ROWS]
        scores = {
            c: cross_val_score(LogisticRegression(C=c, max_iter=300), train[sample], train_targets[sample], cv=3).mean()
            for c in (1.0, 10.0, 100.0)
        }
        best = max(scores, key=lambda c: scores[c])
    model = LogisticRegression(C=best, max_iter=1000).fit(train, train_targets)
    chances = np.zeros((len(test), len(labels)))
    chances[:, model.classes_] = model.predict_proba(test)
    return Answers(truth, chances.argmax(axis=1).astype(np.int64), chances, labels)
