"""Made-up measurements that look like those of a real run; the same at every call."""

from __future__ import annotations

import math
import random
from typing import Any


def confusion(labels: tuple[str, ...], rows_each: int, seed: int) -> list[list[int]]:
    """Return counts that are mostly right, with a few pairs that are mixed up often."""
    draw = random.Random(seed)
    matrix = []
    for truth in range(len(labels)):
        line = [0] * len(labels)
        for _ in range(rows_each + draw.randrange(-6, 18)):
            near = (truth + 1) % len(labels) if truth % 3 == 0 else draw.randrange(len(labels))
            line[truth if draw.random() < 0.88 else near] += 1
        matrix.append(line)
    return matrix


def per_class(labels: tuple[str, ...], matrix: list[list[int]]) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each class."""
    lines = []
    for at, label in enumerate(labels):
        support, guessed = sum(matrix[at]), sum(line[at] for line in matrix)
        recall, precision = matrix[at][at] / support, matrix[at][at] / max(guessed, 1)
        f1 = 2 * precision * recall / (precision + recall or 1)
        lines.append({"label": label, "precision": precision, "recall": recall, "f1": f1, "support": support})
    return lines


def reliability() -> list[dict[str, Any]]:
    """Return 15 bins of a model that is a little too sure; the lowest are empty."""
    bins: list[dict[str, Any]] = []
    for at in range(15):
        count = 0 if at < 4 else int(3 + 1.62 ** (at - 3))
        middle = (at + 0.5) / 15
        scores = {"confidence": middle + 0.01, "accuracy": max(0.0, middle - 0.09 + 0.05 * math.sin(at))}
        bins.append(
            {"lower": at / 15, "upper": (at + 1) / 15, "count": count}
            | (scores if count else {"confidence": None, "accuracy": None})
        )
    return bins


def training_curve(steps: int, every: int) -> list[dict[str, float]]:
    """Return a falling, noisy loss with a validation now and then, the first before training."""
    draw = random.Random(7)
    curve: list[dict[str, float]] = [{"step": 0, "valid_loss": 2.081}]
    for step in range(1, steps + 1):
        level = 0.28 + 1.8 * math.exp(-step / 38)
        lr = 1e-3 * min(1, step / 18) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        loss = level * draw.lognormvariate(0, 0.16)
        curve.append({"step": step, "loss": loss, "lr": lr, "grad_norm": 0.4 + draw.random()})
        if step % every == 0:
            curve.append({"step": step, "valid_loss": 0.39 + 1.65 * math.exp(-step / 40) + 0.0007 * step})
    return curve


def tag_confusion(tags: tuple[str, ...]) -> list[list[int]]:
    """Return counts of words: most are O, and what is missed is mostly taken for O."""
    draw = random.Random(5)
    matrix = [[0] * len(tags) for _ in tags]
    for truth in range(len(tags)):
        for _ in range(21000 if truth == 0 else 40 + 9 * truth):
            lucky = draw.random()
            right = 0.995 if truth == 0 else 0.55
            matrix[truth][truth if lucky < right else 0 if lucky < 0.85 else draw.randrange(len(tags))] += 1
    return matrix


def per_type(tags: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of each type of span; the last type never occurs."""
    types = [tag.removeprefix("B-") for tag in tags if tag.startswith("B-")]
    scores = [(0.71, 0.62, 429), (0.6, 0.51, 150), (0.31, 0.18, 127), (0.4, 0.21, 165), (0.28, 0.17, 142)]
    lines = [
        {"label": label, "precision": p, "recall": r, "f1": 2 * p * r / (p + r), "support": n}
        for label, (p, r, n) in zip(types, scores, strict=False)
    ]
    unseen = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    return lines + [{"label": label, **unseen} for label in types[len(lines) :]]


def examples(generated: bool) -> dict[str, Any]:
    """Return the best and worst answers to tickets; without generated texts ranked by loss."""
    pairs = [
        (
            "Close the lid until it clicks, then fill it to the line.",
            "Close the lid until it clicks and fill to the line.",
        ),
        ("We have sent a new lid today.", "We sent a new lid to you today."),
        (
            "Please send us a picture of the base.\nWe will answer within a day.",
            "Please send a picture.\nWe answer soon.",
        ),
        ("Your refund of 34.90 was booked on Monday.", "Your refund will be booked."),
        ("The warranty covers the heating element for two years.", ""),
        ("La garantie couvre deux ans. " * 7, "the the the the the the the the the the the"),
    ]
    scores = [88.41, 79.02, 55.3, 22.17, 0.0, 0.0] if generated else [0.41, 0.88, 1.3, 3.2, 4.9, 7.75]
    rows = [31, 7, 214, 90, 12, 388]
    lines = [
        {
            "row": row,
            "score": score,
            "reference": right[:199] + "…" * (len(right) > 199),
            "guess": guess if generated else None,
        }
        for row, score, (right, guess) in zip(rows, scores, pairs, strict=True)
    ]
    return {"by": "chrf" if generated else "loss", "best": lines[:3], "worst": lines[3:]}


def boxes() -> dict[str, Any]:
    """Return what a report holds of found boxes: precision by class, and a picture."""
    ring, disc = {"label": "ring", "box": [4, 6, 20, 20]}, {"label": "disc", "box": [30, 8, 12.5, 12.5]}
    picture = {"row": 0, "image": "data:image/png;base64,iVBORw0KGgo=", "width": 48, "height": 48}
    return {
        "labels": ["disc", "ring", "square"],
        "per_class_ap": [
            {"label": "disc", "ap": 0.702, "ap50": 0.911, "support": 41},
            {"label": "ring", "ap": 0.521, "ap50": 0.849, "support": 38},
            {"label": "square", "ap": None, "ap50": None, "support": 0},
        ],
        "pictures": [{**picture, "truth": [ring, disc], "found": [{**ring, "score": 0.93}]}],
    }
