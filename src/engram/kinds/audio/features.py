"""What the linear probe reads: mean and spread of the untouched encoder's last hidden states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from engram.kinds.audio.load import Loaded


def pooled(loaded: Loaded, batch: Mapping[str, torch.Tensor], out: Any) -> torch.Tensor:
    """Return mean and spread of the last hidden states over each row's frames, standardised by row.

    Shape (rows, 2 × width).
    """
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
