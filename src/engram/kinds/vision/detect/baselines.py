"""Reference baselines of the task detect: where each class usually is, and the published weights as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engram.evaluate import map as precision
from engram.evaluate.box_answers import BoxAnswers
from engram.export.base import quiet
from engram.kinds.vision.detect.found import Found
from engram.kinds.vision.detect.model import find, score
from engram.kinds.vision.examples import Examples
from engram.kinds.vision.load import Loaded

PARTS = 3  # of the width and of the height: a picture has so many places each way


def baselines(
    loaded: Loaded,
    train: Examples,
    test: Examples,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, BoxAnswers]:
    """Answer the test rows by the reference baselines; what they learn is of the training rows alone.

    usual: the same boxes on every picture, see `usual`. published: what the base finds as it came, in the classes whose
    names it knows; only where it knows one. strongest: the one of both with the higher mAP on these rows.
    """
    truth = list(zip(test.tags, test.boxes, strict=True))
    found = {"usual": BoxAnswers.of(truth, usual(train, test), loaded.labels)}
    if on_progress is not None:
        on_progress(len(test.lengths), len(test.lengths))
    if (said := published(loaded, test)) is not None:
        found["published"] = BoxAnswers.of(truth, said, loaded.labels)
    strongest = max(found.values(), key=precision.compute)
    return {**found, "strongest": strongest}


def usual(train: Examples, test: Examples) -> list[Found]:
    """Return for each test row the mean box of each class in each ninth of a training picture.

    Its score is the share of training pictures that have such a box.
    """
    places: dict[tuple[int, int, int], list[list[float]]] = {}
    for boxes, tags, (width, height) in zip(train.boxes, train.tags, train.sizes, strict=True):
        for (left, top, wide, high), tag in zip(boxes, tags, strict=True):
            shares = [left / width, top / height, wide / width, high / height]
            across, down = ((shares[i] + shares[i + 2] / 2) * PARTS for i in (0, 1))
            key = (tag, min(PARTS - 1, int(across)), min(PARTS - 1, int(down)))
            places.setdefault(key, []).append(shares)
    ranked = sorted(places.items(), key=lambda one: (-len(one[1]), one[0]))
    classes = [key[0] for key, _ in ranked]
    means = np.array([np.mean(boxes, axis=0) for _, boxes in ranked]).reshape(-1, 4)
    scores = [min(1.0, len(boxes) / len(train.lengths)) for _, boxes in ranked]
    return [(classes, (means * [width, height, width, height]).tolist(), scores) for width, height in test.sizes]


def published(loaded: Loaded, test: Examples) -> list[Found] | None:
    """Return what the base finds with the head that it came with, or None where it knows none of the labels.

    A class is known by its name, capitals aside.
    """
    import transformers

    if loaded.base is None:
        return None
    with quiet():
        config = transformers.AutoConfig.from_pretrained(loaded.base.folder)
    names = {str(name).casefold(): int(place) for place, name in (config.id2label or {}).items()}
    places = {names[label.casefold()]: at for at, label in enumerate(loaded.labels) if label.casefold() in names}
    if not places:
        return None
    auto: Any = transformers.AutoModelForObjectDetection
    with quiet():
        model = auto.from_pretrained(loaded.base.folder, dtype=torch.float32, use_safetensors=True)
    own = replace(loaded, model=model.to(next(loaded.model.parameters()).device).eval())
    kept = []
    for classes, boxes, scores in find(own, score(own, test), test.sizes):
        each = [one for one in zip(classes, boxes, scores, strict=True) if one[0] in places]
        kept.append(([places[one[0]] for one in each], [one[1] for one in each], [one[2] for one in each]))
    return kept
