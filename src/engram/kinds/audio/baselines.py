"""Reference baselines of the task classify: the majority label, and a linear probe on the untouched encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.evaluate.answers import Answers
from engram.evaluate.reference import linear_probe, majority
from engram.kinds.audio.examples import Examples, collate, scoring_order
from engram.kinds.audio.load import Loaded
from engram.kinds.audio.model import apply


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
    """Return mean and spread of the encoder's last hidden states over each row's frames, standardised by row.

    Shape (rows, 2 × width).
    """
    features: NDArray[np.float32] | None = None
    done = 0
    loaded.model.eval()
    with torch.inference_mode():
        for rows in scoring_order(loaded, examples):
            batch = collate(loaded, examples, rows)
            found = apply(loaded.model, batch, partial(_pooled, loaded, batch), output_hidden_states=True)
            if features is None:
                features = np.zeros((len(examples.lengths), found.shape[1]), dtype=np.float32)
            features[rows] = found.float().cpu().numpy()
            done += len(rows)
            on_rows(done)
    return features if features is not None else np.zeros((0, 0), dtype=np.float32)


def _pooled(loaded: Loaded, batch: Mapping[str, torch.Tensor], out: Any) -> torch.Tensor:
    hidden = out.hidden_states[-1]
    real = torch.ones(hidden.shape[:2], device=hidden.device, dtype=hidden.dtype)
    if "mask" in batch:
        model: Any = loaded.model
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        mask = batch["mask"]
        if mask.shape[1] != hidden.shape[1]:
            mask = inner._get_feature_vector_attention_mask(hidden.shape[1], mask)
        real = mask.to(hidden.dtype)
    count = real.sum(1, keepdim=True).clamp(min=1)
    mean = (hidden * real[..., None]).sum(1) / count
    spread = (((hidden - mean[:, None]) ** 2 * real[..., None]).sum(1) / count).sqrt()
    return torch.nn.functional.layer_norm(torch.cat([mean, spread], dim=1), (2 * hidden.shape[2],))
