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
