"""What R3 (SFT) and R4 look at before training: which tokens are real, whether rows see each other, losses of rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import sft_data

PROBED_ROWS = 24


def real_tokens(batch: Any) -> Any:
    """Return which tokens of a batch are no padding: all where it has no mask, or a layout in its place."""
    mask = batch.get("attention_mask")
    return batch["input_ids"] >= 0 if mask is None or mask.ndim > 2 else mask.bool()


def mixing(model: Any, batches: Iterator[Any]) -> float:
    """Return how much the rows of some batches change each other's logits, as a share of the largest; 0 is not at all.

    A batch is given to the model as its loop makes it, in fp32; each row of it, up to its end token, then alone.
    """
    import torch

    training, seen, most = model.training, 0, 0.0
    model.eval()
    with torch.no_grad():
        for batch in batches:
            inputs = {key: value for key, value in batch.items() if key not in ("labels", "targets")}
            logits = model(**inputs, use_cache=False).logits
            for ids, real, found in zip(batch["input_ids"], real_tokens(batch), logits, strict=True):
                pieces = sft_data.pieces(ids[real].tolist())
                alone = [model(input_ids=torch.tensor([piece]), use_cache=False).logits[0] for piece in pieces]
                apart = torch.cat(alone)
                share = float((found[real] - apart).abs().max() / apart.abs().max())
                most = max(most, share) if math.isfinite(share) else math.inf
                seen += len(pieces)
            if seen >= PROBED_ROWS:
                break
    model.train(training)
    return most


def row_losses(model: Any, batch: Any, lengths: Sequence[int]) -> list[float]:
    """Return the loss of each row of a batch of ours, packed or padded, in fp32. lengths: tokens of each row."""
    import torch
    from torch.nn import functional

    inputs = {key: value for key, value in batch.items() if key != "targets"}
    with torch.no_grad():
        logits = model.eval()(**inputs, use_cache=False).logits.transpose(1, 2)
    losses = functional.cross_entropy(logits, batch["targets"], ignore_index=sft_data.MASKED, reduction="none")
    apart = losses[0].split(list(lengths)) if len(losses) == 1 else losses
    return [float(one.sum()) for one in apart]
