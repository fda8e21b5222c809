"""The task detect: batches of pictures with their boxes, what a model finds on them, and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engram.data.rows import FileRow
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.predicted import Predicted
from engram.kinds.vision.asked import examples_of
from engram.kinds.vision.detect.found import Found, found_boxes
from engram.kinds.vision.detect.set_loss import FOCAL, NOTHING
from engram.kinds.vision.examples import Examples, inputs_of, plain, scoring_order, varied
from engram.kinds.vision.graph import joined
from engram.kinds.vision.load import Loaded
from engram.prep.shown_image import ShownImage
from engram.schema.options import Options
from engram.schema.recipe import Recipe
from engram.train.classifying import gather

Batch = dict[str, torch.Tensor]
SHOWN_FROM = 0.3  # the score from which a box is part of an answer


def examine(recipe: Recipe, parts: Iterable[Sequence[FileRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: classes that are none, and parts without anything to find."""
    unknown = empty = 0
    for rows in parts:
        unknown += sum(not 0 <= tag < len(labels) for row in rows for tag in row.tags)
        empty += not any(row.boxes for row in rows)
    return {"unknown_classes": float(unknown), "parts_without_boxes": float(empty)}


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> Batch:
    """Return rows as a batch: ``inputs`` (rows, 3, height, width), and the boxes as `set_loss.row_loss` takes them."""
    return _stack(loaded, plain(loaded, examples, rows))


def vary(loaded: Loaded, examples: Examples, rows: Sequence[int], epoch: int) -> Batch:
    """Return training rows as a batch, each changed as the prep steps say."""
    return _stack(loaded, varied(loaded, examples, rows, epoch))


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[Batch]:
    """Yield all rows in batches for evaluation."""
    for rows in scoring_order(loaded, examples):
        yield collate(loaded, examples, rows)


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed set loss of the rows, and their number; a row's share is divided by its own boxes."""
    given = {"classes": batch["classes"], "boxes": batch["boxes"]}
    return model(pixel_values=batch["inputs"], labels=given).loss, len(batch["inputs"])


def predict(loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None) -> Predicted:
    """Find what is on every picture, in the rows' order; computed in fp32.

    The raw numbers are logits of the classes and the box of each place, shape (rows, places, classes + 4).
    """
    said = score(loaded, examples, on_progress)
    truth = list(zip(examples.tags, examples.boxes, strict=True))
    return Predicted(BoxAnswers.of(truth, find(loaded, said, examples.sizes), loaded.labels), said)


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer pictures, each a ``data:`` URL, with the boxes that are found, the surest first.

    Each has ``label``, ``score`` and ``box``: left, top, width and height in pixels of the picture as it is seen.
    Raises UsageError for what is no image file.
    """
    examples = examples_of(loaded, inputs)
    answers = []
    for classes, boxes, scores in find(loaded, score(loaded, examples), examples.sizes):
        # What lies at one place is one thing: its surest class is the answer.
        surest: dict[tuple[float, ...], dict[str, Any]] = {}
        for one in zip(classes, boxes, scores, strict=True):
            if one[2] >= SHOWN_FROM:
                surest.setdefault(tuple(one[1]), _shown(loaded, *one))
        answers.append({"boxes": list(surest.values())})
    return answers


def _shown(loaded: Loaded, place: int, box: Sequence[float], sure: float) -> dict[str, Any]:
    return {"label": loaded.labels[place], "score": round(sure, 6), "box": [round(number, 2) for number in box]}


def find(loaded: Loaded, said: NDArray[np.float32], sizes: Sequence[tuple[int, int]]) -> list[Found]:
    """Return the boxes of each picture, of its width and height, out of what `score` gave."""
    model: Any = loaded.model
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    focal = whole.config.model_type in FOCAL
    return [found_boxes(one, size, focal) for one, size in zip(said, sizes, strict=True)]


def score(
    loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Return what the model says of each row's places, shape (rows, places, classes + 4), the last four a box."""
    total, places = len(examples.lengths), 0
    if not total:
        return np.zeros((0, 0, len(loaded.labels) + 4), dtype=np.float32)

    def ask(rows: Sequence[int]) -> torch.Tensor:
        nonlocal places
        found = joined(loaded.model(pixel_values=inputs_of(loaded, plain(loaded, examples, rows))))
        places = found.shape[1]
        return found.flatten(1)

    report = (lambda done: on_progress(done, total)) if on_progress else None
    said = gather(loaded.model, scoring_order(loaded, examples), ask, (total, None), report)
    return said.reshape(total, places, -1)


def _stack(loaded: Loaded, shown: Sequence[ShownImage]) -> Batch:
    inputs = inputs_of(loaded, shown)
    most = max((len(one.tags) for one in shown), default=0)
    classes = np.full((len(shown), max(1, most)), NOTHING, dtype=np.int64)
    boxes = np.zeros((*classes.shape, 4), dtype=np.float32)
    size = np.array([loaded.reading.width, loaded.reading.height], dtype=np.float32)
    for row, one in enumerate(shown):
        count = len(one.tags)
        classes[row, :count] = one.tags
        boxes[row, :count, :2] = (one.boxes[:, :2] + one.boxes[:, 2:] / 2) / size
        boxes[row, :count, 2:] = one.boxes[:, 2:] / size
    device = inputs.device
    return {
        "inputs": inputs,
        "classes": torch.from_numpy(classes).to(device),
        "boxes": torch.from_numpy(boxes).to(device),
    }
