"""Reference baselines of the task classify: the majority label, and a linear probe on the untouched model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.errors import LearnsNothing
from engram.evaluate.metric import Answers
from engram.kinds.language.classify.examples import Examples
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import collate, scoring_tokens
from engram.train.batches import order_for_scoring


def baselines(
    loaded: Loaded,
    train: Examples,
    test: Examples,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Answers]:
    """Answer the test rows by the reference baselines; they learn from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    """
    total = len(train.ids) + len(test.ids)

    def report(offset: int) -> Callable[[int], None]:
        return lambda done: on_progress(offset + done, total) if on_progress else None

    train_features = embed(loaded, train, report(0))
    test_features = embed(loaded, test, report(len(train.ids)))
    truth = np.asarray(test.targets, dtype=np.int64)
    return {
        "majority": _majority(train, truth, loaded.labels),
        "linear_probe": _probe(train_features, np.asarray(train.targets), test_features, truth, loaded.labels),
    }


def embed(loaded: Loaded, examples: Examples, on_rows: Callable[[int], None]) -> NDArray[np.float32]:
    """Return the mean of the last hidden states over real tokens, L2-normalised, shape (rows, width)."""
    body = _body(loaded.model)
    features: NDArray[np.float32] | None = None
    done = 0
    loaded.model.eval()
    with torch.inference_mode():
        for rows in order_for_scoring(examples.lengths, scoring_tokens(loaded)):
            batch = collate(loaded, examples, rows)
            hidden = body(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
            unit = torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()
            if features is None:
                features = np.zeros((len(examples.ids), unit.shape[1]), dtype=np.float32)
            features[rows] = unit
            done += len(rows)
            on_rows(done)
    return features if features is not None else np.zeros((0, 0), dtype=np.float32)


def _body(model: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return getattr(inner, inner.base_model_prefix)


def _majority(train: Examples, truth: NDArray[np.int64], labels: tuple[str, ...]) -> Answers:
    counts = np.bincount([t for t in train.targets if t >= 0], minlength=len(labels)).astype(np.float64)
    chances = np.tile(counts / counts.sum(), (len(truth), 1))
    return Answers(truth, np.full(len(truth), int(counts.argmax()), dtype=np.int64), chances, labels)


def _probe(
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
        sample = np.random.Generator(np.random.PCG64(0)).permutation(len(train))[:4000]
        scores = {
            c: cross_val_score(LogisticRegression(C=c, max_iter=300), train[sample], train_targets[sample], cv=3).mean()
            for c in (1.0, 10.0, 100.0)
        }
        best = max(scores, key=lambda c: scores[c])
    model = LogisticRegression(C=best, max_iter=1000).fit(train, train_targets)
    chances = np.zeros((len(test), len(labels)))
    chances[:, model.classes_] = model.predict_proba(test)
    return Answers(truth, chances.argmax(axis=1).astype(np.int64), chances, labels)
