"""Mixed precision: which operations compute in 16 bits; weights and optimizer state stay fp32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which the forward pass runs; fp32 is no context at all."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


def make_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Return the loss scaler; it is switched off unless the precision is fp16 (Micikevicius et al. 2018)."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
