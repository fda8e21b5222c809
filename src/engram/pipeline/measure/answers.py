"""Answers on disk: what a model said of the test rows, kept as plain arrays beside the run."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from engram.evaluate.metric import Answers
from engram.files import write_atomic


def save_answers(path: Path, answers: Answers) -> None:
    """Write answers as an .npz of plain arrays (no objects, so no pickle)."""
    out = BytesIO()
    chances = answers.probabilities
    if chances is None:
        np.savez_compressed(out, truth=answers.truth, guess=answers.guess)
    else:
        np.savez_compressed(out, truth=answers.truth, guess=answers.guess, probabilities=chances)
    write_atomic(path, out.getvalue())


def load_answers(path: Path, labels: Sequence[str]) -> Answers:
    """Read answers that `save_answers` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        chances = arrays["probabilities"] if "probabilities" in arrays.files else None
        return Answers(arrays["truth"], arrays["guess"], chances, tuple(labels))
