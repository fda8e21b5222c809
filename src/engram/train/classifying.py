"""What every classifier does alike, whatever its rows are: loss, answers, reference baselines.

A kind says how rows become batches and what its model makes of one; the rest is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engram.evaluate.answers import Answers
from engram.evaluate.predicted import Predicted
from engram.evaluate.reference import linear_probe, majority, probabilities
from engram.train.cross_entropy import MASKED

Batch = Mapping[str, torch.Tensor]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Classifier:
    """How one kind classifies.

    order: (loaded, examples) → the rows of each batch of evaluation. collate: (loaded, examples, rows) → a batch with
    ``targets`` (rows,), MASKED where there is none. logits: (model, batch) → (rows, labels). features: (loaded, batch)
    → (rows, width), what the untouched encoder makes of each row: the linear probe's inputs.

    loaded has a `model` and `labels`; examples have `lengths` and `targets`.
    """

    order: Callable[[Any, Any], Iterable[Sequence[int]]]
    collate: Callable[[Any, Any, Sequence[int]], Batch]
    logits: Callable[[Any, Batch], torch.Tensor]
    features: Callable[[Any, Batch], torch.Tensor]

    def loss(self, model: Any, batch: Batch) -> tuple[torch.Tensor, int]:
        """Return the summed cross-entropy over the rows that have a target, and their number."""
        logits, targets = self.logits(model, batch), batch["targets"]
        total = functional.cross_entropy(logits.float(), targets, ignore_index=MASKED, reduction="sum")
        return total, int((targets != MASKED).sum())

    def predict(self, loaded: Any, examples: Any, on_progress: OnProgress | None = None) -> Predicted:
        """Answer every row, in its given order; computed in fp32."""
        logits = self.score(loaded, examples, on_progress)
        chances = probabilities(logits)
        truth = np.asarray(examples.targets, dtype=np.int64)
        return Predicted(Answers(truth, chances.argmax(axis=1).astype(np.int64), chances, loaded.labels), logits)

    def score(self, loaded: Any, examples: Any, on_progress: OnProgress | None = None) -> NDArray[np.float32]:
        """Return the logits of every row in its given order, shape (rows, labels), computed in fp32."""
        total = len(examples.lengths)

        def ask(rows: Sequence[int]) -> torch.Tensor:
            return self.logits(loaded.model, self.collate(loaded, examples, rows))

        report = (lambda done: on_progress(done, total)) if on_progress else None
        return gather(loaded.model, self.order(loaded, examples), ask, (total, len(loaded.labels)), report)

    def embed(self, loaded: Any, examples: Any, on_rows: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return the features of every row in its given order, shape (rows, width); (0, 0) for no rows."""

        def ask(rows: Sequence[int]) -> torch.Tensor:
            return self.features(loaded, self.collate(loaded, examples, rows))

        return gather(loaded.model, self.order(loaded, examples), ask, (len(examples.lengths), None), on_rows)

    def baselines(
        self, loaded: Any, train: Any, test: Any, on_progress: OnProgress | None = None
    ) -> dict[str, Answers]:
        """Answer the test rows by the reference baselines; they learn from the training rows alone.

        `loaded` must be untouched: its adapter, when it has one, is still the identity.
        """
        total = len(train.lengths) + len(test.lengths)

        def report(offset: int) -> Callable[[int], None]:
            return lambda done: on_progress(offset + done, total) if on_progress else None

        train_features = self.embed(loaded, train, report(0))
        test_features = self.embed(loaded, test, report(len(train.lengths)))
        targets, truth = (np.asarray(part.targets, dtype=np.int64) for part in (train, test))
        return {
            "majority": majority(targets, truth, loaded.labels),
            "linear_probe": linear_probe(train_features, targets, test_features, truth, loaded.labels),
        }


def gather(
    model: Any,
    order: Iterable[Sequence[int]],
    ask: Callable[[Sequence[int]], torch.Tensor],
    shape: tuple[int, int | None],
    on_rows: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Return what a model in evaluation makes of rows, each in its place, whatever the order they are asked in.

    order: the rows of each batch. ask: rows → (rows, width). shape: of the whole; a width of None is that of the first
    batch, 0 when there is none. on_rows: hears how many rows are done.
    """
    rows_in_all, width = shape
    found = None if width is None else np.zeros((rows_in_all, width), dtype=np.float32)
    done = 0
    model.eval()
    with torch.inference_mode():
        for rows in order:
            part = ask(rows).float().cpu().numpy()
            if found is None:
                found = np.zeros((rows_in_all, part.shape[1]), dtype=np.float32)
            found[rows] = part
            done += len(rows)
            if on_rows is not None:
                on_rows(done)
    return np.zeros((0, 0), dtype=np.float32) if found is None else found


def ranked(logits: NDArray[np.float32], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return what a client is answered: each row's label, and the probability of every label, the likeliest first.

    >>> ranked(np.array([[0.0, np.log(3)]], dtype=np.float32), ["no", "yes"])
    [{'label': 'yes', 'probabilities': {'yes': 0.75, 'no': 0.25}}]
    """
    answers = []
    for row in probabilities(logits):
        chances = {labels[i]: round(float(row[i]), 6) for i in np.argsort(-row)}
        answers.append({"label": labels[int(row.argmax())], "probabilities": chances})
    return answers
