"""Reference baselines of the task classify: the majority label, and a linear probe on the untouched model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.evaluate.metric import Answers
from engram.evaluate.reference import linear_probe, majority
from engram.kinds.language.classify.examples import Examples
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import collate, scoring_tokens
from engram.train.batches import order_for_scoring


def baselines(
    loaded: Loaded,
    train: Examples,
    test: Examples,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Answers]:
    """Answer the test rows by the reference baselines; they learn from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    """
    total = len(train.ids) + len(test.ids)

    def report(offset: int) -> Callable[[int], None]:
        return lambda done: on_progress(offset + done, total) if on_progress else None

    train_features = embed(loaded, train, report(0))
    test_features = embed(loaded, test, report(len(train.ids)))
    targets, truth = (np.asarray(part.targets, dtype=np.int64) for part in (train, test))
    return {
        "majority": majority(targets, truth, loaded.labels),
        "linear_probe": linear_probe(train_features, targets, test_features, truth, loaded.labels),
    }


def embed(loaded: Loaded, examples: Examples, on_rows: Callable[[int], None]) -> NDArray[np.float32]:
    """Return the mean of the last hidden states over real tokens, L2-normalised, shape (rows, width)."""
    body = _body(loaded.model)
    features: NDArray[np.float32] | None = None
    done = 0
    loaded.model.eval()
    with torch.inference_mode():
        for rows in order_for_scoring(examples.lengths, scoring_tokens(loaded)):
            batch = collate(loaded, examples, rows)
            hidden = body(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
            unit = torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()
            if features is None:
                features = np.zeros((len(examples.ids), unit.shape[1]), dtype=np.float32)
            features[rows] = unit
            done += len(rows)
            on_rows(done)
    return features if features is not None else np.zeros((0, 0), dtype=np.float32)


def _body(model: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return getattr(inner, inner.base_model_prefix)
