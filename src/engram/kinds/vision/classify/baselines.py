"""Reference baselines of the task classify: the majority label, and a linear probe on the untouched body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.reference import linear_probe, majority
from engram.kinds.vision.classify.model import collate
from engram.kinds.vision.examples import Examples, scoring_order
from engram.kinds.vision.load import Loaded


def baselines(
    loaded: Loaded,
    train: Examples,
    test: Examples,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Answers]:
    """Answer the test rows by the reference baselines; they learn from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    """
    total = len(train.lengths) + len(test.lengths)

    def report(offset: int) -> Callable[[int], None]:
        return lambda done: on_progress(offset + done, total) if on_progress else None

    train_features = embed(loaded, train, report(0))
    test_features = embed(loaded, test, report(len(train.lengths)))
    targets, truth = (np.asarray(part.targets, dtype=np.int64) for part in (train, test))
    return {
        "majority": majority(targets, truth, loaded.labels),
        "linear_probe": linear_probe(train_features, targets, test_features, truth, loaded.labels),
    }


def embed(loaded: Loaded, examples: Examples, on_rows: Callable[[int], None]) -> NDArray[np.float32]:
    """Return mean and spread of the body's last hidden states over the places of a picture, standardised by row.

    Shape (rows, 2 × width).
    """
    features: NDArray[np.float32] | None = None
    done = 0
    model: Any = loaded.model
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    body = getattr(whole, whole.base_model_prefix)
    loaded.model.eval()
    with torch.inference_mode():
        for rows in scoring_order(examples):
            found = _pooled(body(pixel_values=collate(loaded, examples, rows)["inputs"]).last_hidden_state)
            if features is None:
                features = np.zeros((len(examples.lengths), found.shape[1]), dtype=np.float32)
            features[rows] = found.float().cpu().numpy()
            done += len(rows)
            on_rows(done)
    return features if features is not None else np.zeros((0, 0), dtype=np.float32)


def _pooled(hidden: torch.Tensor) -> torch.Tensor:
    """Pool (rows, places, width) of a transformer, or (rows, width, height, width) of convolutions."""
    places = hidden.flatten(2).transpose(1, 2) if hidden.dim() == 4 else hidden
    both = torch.cat([places.mean(1), places.std(1, correction=0)], dim=1)
    return torch.nn.functional.layer_norm(both, both.shape[1:])
