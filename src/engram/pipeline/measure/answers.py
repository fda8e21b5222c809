"""Answers on disk: what a model said of the test rows, kept as plain arrays beside the run."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from engram.evaluate.metric import Scored
from engram.files import write_atomic

Kind = TypeVar("Kind", bound=Scored)


def save_answers(path: Path, answers: Scored) -> None:
    """Write answers as an .npz of plain arrays (no objects, so no pickle)."""
    out = BytesIO()
    arrays: dict[str, Any] = answers.to_arrays()
    np.savez_compressed(out, **arrays)
    write_atomic(path, out.getvalue())


def load_answers(path: Path, labels: Sequence[str], kind: type[Kind]) -> Kind:
    """Read answers of one kind that `save_answers` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return kind.from_arrays(dict(arrays), labels)
