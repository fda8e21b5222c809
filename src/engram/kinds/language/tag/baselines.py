"""Reference baselines of the task tag: the commonest tag of each word, and a linear probe on the untouched model."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.errors import LearnsNothing
from engram.evaluate import span_f1, token_accuracy
from engram.evaluate.flat import offsets_of
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.spans import scheme_of
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.kinds.language.tag.decode import decode
from engram.kinds.language.tag.examples import Examples, take
from engram.kinds.language.tag.predict import WITHOUT_TOKEN, Progress, answers_of, outside, visit

PROBE_WORDS = 200_000  # more words than these make a probe slower and no better
CHOICE_WORDS = 20_000
CHOICE_FOLDS = 3
C_CHOICES = (0.001, 0.003, 0.01, 0.03, 0.1)
C_USUAL = 0.01
NEVER = -700.0  # the logarithm of a chance that is all but zero


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: Progress | None = None
) -> dict[str, SpanAnswers]:
    """Answer the test words by the reference baselines; they learn from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity. The probe's scores become tags as
    the model's do. Raises LearnsNothing when the training words carry one tag only.
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
    chances = model.predict_proba(embed(loaded, test, report(len(some.ids))))
    scores = _scores(chances, model.classes_, loaded.labels)
    scores[test.places[:, 0] < 0, outside(loaded.labels)] = WITHOUT_TOKEN
    guess = decode(scores, test.offsets, loaded.labels)
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
    """Fit logistic regression (L2) on standardised features.

    C is chosen by 3-fold cross-validation over rows: by span F1 where the tags mark spans, else by the share of right
    tags. rows: the row of each word, rising.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def of(c: float, steps: int) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=steps))

    chosen = np.isin(rows, draw(np.bincount(rows), CHOICE_WORDS))
    x, y, group = features[chosen], targets[chosen], rows[chosen]
    offsets = offsets_of(np.unique(group, return_counts=True)[1].tolist())
    metric = token_accuracy if scheme_of(labels) is None else span_f1

    def worth(c: float) -> float:
        chances = cross_val_predict(of(c, 300), x, y, cv=folds, method="predict_proba")
        guess = decode(_scores(chances, np.unique(y), labels), offsets, labels)
        return float(metric.compute(SpanAnswers(y, guess, offsets, labels)))

    folds = list(GroupKFold(CHOICE_FOLDS).split(x, groups=group)) if len(offsets) > CHOICE_FOLDS else []
    can_choose = folds and all(len(np.unique(y[fold])) == len(np.unique(y)) for fold, _ in folds)
    return of(max(C_CHOICES, key=worth) if can_choose else C_USUAL, 1000).fit(features, targets)


def _scores(chances: NDArray[np.float64], classes: NDArray[np.int64], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Return the logarithms of probabilities, one column a label; labels that were never learned are out of reach."""
    scores = np.full((len(chances), len(labels)), NEVER, dtype=np.float32)
    scores[:, classes] = np.log(np.maximum(chances, np.exp(NEVER)))
    return scores


def _rows(examples: Examples) -> NDArray[np.int64]:
    """Return the row of each word, shape (words,)."""
    return np.repeat(np.arange(len(examples.words)), np.diff(examples.offsets))


def _body(model: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return getattr(inner, inner.base_model_prefix)
