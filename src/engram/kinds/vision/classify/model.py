"""The task classify: batches of pictures, what a model answers to them, its loss and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from engram.data.rows import FileRow
from engram.evaluate.answers import Answers
from engram.evaluate.predicted import Predicted
from engram.evaluate.reference import probabilities
from engram.kinds.vision.asked import examples_of
from engram.kinds.vision.examples import MASKED, Examples, inputs_of, plain, scoring_order, varied
from engram.kinds.vision.load import Loaded
from engram.prep.shown_image import ShownImage
from engram.schema.options import Options
from engram.schema.recipe import Recipe

Batch = dict[str, torch.Tensor]


def examine(recipe: Recipe, parts: Iterable[Sequence[FileRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: the rows without a class to learn."""
    return {"untrainable_rows": float(sum(not 0 <= row.label < len(labels) for rows in parts for row in rows))}


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> Batch:
    """Return rows as a batch: ``inputs`` (rows, 3, height, width) and ``targets`` (rows,)."""
    return _stack(loaded, examples, rows, plain(loaded, examples, rows))


def vary(loaded: Loaded, examples: Examples, rows: Sequence[int], epoch: int) -> Batch:
    """Return training rows as a batch, each changed as the prep steps say."""
    return _stack(loaded, examples, rows, varied(loaded, examples, rows, epoch))


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[Batch]:
    """Yield all rows in batches for evaluation."""
    for rows in scoring_order(examples):
        yield collate(loaded, examples, rows)


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the rows that have a target, and their number."""
    logits = model(pixel_values=batch["inputs"]).logits
    total = functional.cross_entropy(logits.float(), batch["targets"], ignore_index=MASKED, reduction="sum")
    return total, int((batch["targets"] != MASKED).sum())


def predict(loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None) -> Predicted:
    """Answer every row, in its given order; computed in fp32."""
    logits = _score(loaded, examples, on_progress)
    chances = probabilities(logits)
    truth = np.asarray(examples.targets, dtype=np.int64)
    return Predicted(Answers(truth, chances.argmax(axis=1).astype(np.int64), chances, loaded.labels), logits)


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer pictures, each a ``data:`` URL, with their label and the probability of each label.

    Raises UsageError for what is no image file.
    """
    answers = []
    for row in probabilities(_score(loaded, examples_of(loaded, inputs))):
        ranked = {loaded.labels[i]: round(float(row[i]), 6) for i in np.argsort(-row)}
        answers.append({"label": loaded.labels[int(row.argmax())], "probabilities": ranked})
    return answers


def _score(
    loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Return the logits of every row in its given order, shape (rows, labels)."""
    loaded.model.eval()
    logits = np.zeros((len(examples.lengths), len(loaded.labels)), dtype=np.float32)
    done = 0
    with torch.inference_mode():
        for rows in scoring_order(examples):
            inputs = collate(loaded, examples, rows)["inputs"]
            logits[rows] = loaded.model(pixel_values=inputs).logits.float().cpu().numpy()
            done += len(rows)
            if on_progress is not None:
                on_progress(done, len(logits))
    return logits


def _stack(loaded: Loaded, examples: Examples, rows: Sequence[int], shown: Sequence[ShownImage]) -> Batch:
    inputs = inputs_of(loaded, shown)
    targets = torch.tensor([examples.targets[row] for row in rows], dtype=torch.int64, device=inputs.device)
    return {"inputs": inputs, "targets": targets}
