"""The task classify: batches of pictures, and what a model answers to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from engram.data.rows import FileRow
from engram.kinds.vision.asked import examples_of
from engram.kinds.vision.examples import Examples, inputs_of, plain, scoring_order, varied
from engram.kinds.vision.load import Loaded
from engram.prep.shown_image import ShownImage
from engram.schema.options import Options
from engram.schema.recipe import Recipe
from engram.train.classifying import Classifier, ranked

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
    for rows in scoring_order(loaded, examples):
        yield collate(loaded, examples, rows)


def logits(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what a model makes of a batch: (rows, labels)."""
    found: torch.Tensor = model(pixel_values=batch["inputs"]).logits
    return found


def features(loaded: Loaded, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return mean and spread of the body's last hidden states over the places of a picture, standardised by row.

    Shape (rows, 2 × width). Transformers give (rows, places, width), convolutions (rows, width, height, breadth).
    """
    model: Any = loaded.model
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = getattr(whole, whole.base_model_prefix)(pixel_values=batch["inputs"]).last_hidden_state
    places = hidden.flatten(2).transpose(1, 2) if hidden.dim() == 4 else hidden
    both = torch.cat([places.mean(1), places.std(1, correction=0)], dim=1)
    return torch.nn.functional.layer_norm(both, both.shape[1:])


CLASSIFIER = Classifier(scoring_order, collate, logits, features)
loss, predict, score = CLASSIFIER.loss, CLASSIFIER.predict, CLASSIFIER.score
baselines = CLASSIFIER.baselines


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer pictures, each a ``data:`` URL, with their label and the probability of each label.

    Raises UsageError for what is no image file.
    """
    return ranked(score(loaded, examples_of(loaded, inputs)), loaded.labels)


def _stack(loaded: Loaded, examples: Examples, rows: Sequence[int], shown: Sequence[ShownImage]) -> Batch:
    inputs = inputs_of(loaded, shown)
    targets = torch.tensor([examples.targets[row] for row in rows], dtype=torch.int64, device=inputs.device)
    return {"inputs": inputs, "targets": targets}
