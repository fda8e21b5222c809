"""Reference baselines of the task tag: the commonest tag of each word, and a linear probe on the untouched model."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.errors import LearnsNothing
from engram.evaluate.span_answers import SpanAnswers
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.kinds.language.tag.examples import Examples, take
from engram.kinds.language.tag.predict import OUTSIDE, Progress, answers_of, outside, visit

PROBE_WORDS = 200_000  # more words than these make a probe slower and no better
CHOICE_WORDS = 20_000
CHOICE_FOLDS = 3
C_CHOICES = (0.001, 0.003, 0.01, 0.03, 0.1)
C_USUAL = 0.01


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: Progress | None = None
) -> dict[str, SpanAnswers]:
    """Answer the test words by the reference baselines; they learn from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity. Raises LearnsNothing when the
    training words carry one tag only.
    """
    if len(np.unique(train.truth[train.truth != MASKED])) < 2:
        raise LearnsNothing(
            f"All {len(train.truth)} words of the training rows carry the same tag.",
            remedy="A tagger needs two tags at least; `engram data check` counts them.",
        )
    some = take(train, draw(np.diff(train.offsets), PROBE_WORDS))
    total = len(some.ids) + len(test.ids)

    def report(offset: int) -> Progress:
        return lambda done, _: on_progress(offset + done, total) if on_progress else None

    learned = (some.truth != MASKED) & (some.places[:, 0] >= 0)
    model = _probe(embed(loaded, some, report(0))[learned], some.truth[learned], _rows(some)[learned], loaded.labels)
    guess = model.predict(embed(loaded, test, report(len(some.ids))))
    guess[test.places[:, 0] < 0] = outside(loaded.labels)
    return {
        "majority": answers_of(test, majority(train, test), loaded.labels),
        "linear_probe": answers_of(test, guess, loaded.labels),
    }


def majority(train: Examples, test: Examples) -> NDArray[np.int64]:
    """Return for each test word its commonest tag in the training rows; the commonest of all for an unseen word."""
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    words = (word for row in train.words for word in row)
    for word, tag in zip(words, train.truth.tolist(), strict=True):
        if tag != MASKED:
            seen[word][tag] += 1
    usual = int(np.bincount(train.truth[train.truth != MASKED]).argmax())
    known = {word: min(tags, key=lambda tag: (-tags[tag], tag)) for word, tags in seen.items()}
    return np.array([known.get(word, usual) for row in test.words for word in row], dtype=np.int64)


def draw(sizes: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Return rows drawn by a fixed seed until they have `limit` words together, in rising order.

    sizes: words of each row. All rows are returned when they have no more words than that, and one at least.

    >>> draw(np.array([2, 2, 2]), 6).tolist(), len(draw(np.array([2, 2, 2]), 4))
    ([0, 1, 2], 2)
    """
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(sizes))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), limit)) + 1
    return np.sort(order[:enough])


def embed(loaded: Loaded, examples: Examples, on_progress: Progress) -> NDArray[np.float32]:
    """Return the last hidden state at the first token of every word, shape (words, width); zero where it has none."""
    body = _body(loaded.model)
    features = np.zeros((len(examples.truth), body.config.hidden_size), dtype=np.float32)

    def states(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        out: torch.Tensor = body(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        return out

    def keep(words: NDArray[np.int64], chosen: torch.Tensor) -> None:
        features[words] = chosen.float().cpu().numpy()

    visit(loaded, examples, states, keep, on_progress)
    return features


def _probe(
    features: NDArray[np.float32], targets: NDArray[np.int64], rows: NDArray[np.int64], labels: tuple[str, ...]
) -> Any:
    """Fit logistic regression (L2) on standardised features; C is chosen by 3-fold cross-validation over rows.

    The score of a choice is the F1 of the words whose tag is not O, all such tags together.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score, make_scorer
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def of(c: float, steps: int) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=steps))

    marked = [index for index, label in enumerate(labels) if label != OUTSIDE]
    chosen = np.isin(rows, draw(np.bincount(rows), CHOICE_WORDS))
    x, y, group = features[chosen], targets[chosen], rows[chosen]
    best = C_USUAL
    if len(np.unique(group)) >= CHOICE_FOLDS:
        folds = list(GroupKFold(CHOICE_FOLDS).split(x, groups=group))
        if all(len(np.unique(y[fold])) > 1 for fold, _ in folds):
            scorer = make_scorer(f1_score, labels=marked, average="micro", zero_division=0.0)
            scores = {c: cross_val_score(of(c, 300), x, y, cv=folds, scoring=scorer).mean() for c in C_CHOICES}
            best = max(scores, key=lambda c: scores[c])
    return of(best, 1000).fit(features, targets)


def _rows(examples: Examples) -> NDArray[np.int64]:
    """Return the row of each word, shape (words,)."""
    return np.repeat(np.arange(len(examples.words)), np.diff(examples.offsets))


def _body(model: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return getattr(inner, inner.base_model_prefix)
