"""What the linear probe reads: the mean of the untouched encoder's last hidden states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from engram.kinds.language.load import Loaded


def features(loaded: Loaded, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the mean of the last hidden states over real tokens, L2-normalised, shape (rows, width)."""
    body = _body(loaded.model)
    hidden = body(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(mean, dim=-1)


def _body(model: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return getattr(inner, inner.base_model_prefix)
