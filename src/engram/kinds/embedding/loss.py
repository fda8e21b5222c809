"""The loss of pairs: each text must find its own partner among those of its group.

Multiple negatives (Henderson et al., Efficient Natural Language Response Suggestion, 2017), with a temperature, hard
negatives where rows bring them, and shorter cuts of the vectors where they are wanted (Kusupati et al., Matryoshka
Representation Learning, 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional


def loss(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed loss over pairs that have a negative, and their number; groups don't touch each other."""
    vectors = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    allowed = batch["allowed"]
    with torch.autocast(vectors.device.type, enabled=False):
        widths = [vectors.shape[1], *batch["cuts"].tolist()]
        total = torch.stack([_of(vectors.float()[:, :width], batch, allowed) for width in widths]).mean()
    return total, int((allowed.sum(1) > 1).sum())


def _of(vectors: torch.Tensor, batch: Mapping[str, torch.Tensor], allowed: torch.Tensor) -> torch.Tensor:
    unit = functional.normalize(vectors, dim=-1)
    anchors, candidates = unit[batch["anchors"]], unit[batch["candidates"]]
    near = (anchors @ candidates.T * batch["scale"]).masked_fill(~allowed, float("-inf"))
    own = torch.arange(len(anchors), device=unit.device)
    total = functional.cross_entropy(near, own, reduction="sum")
    if int(batch["symmetric"]):
        back = near[:, : len(anchors)].T
        total = (total + functional.cross_entropy(back, own, reduction="sum")) / 2
    return total
