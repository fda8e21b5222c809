"""Mixed precision: which operations compute in 16 bits; weights and optimizer state stay fp32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

Precision = Literal["bf16", "fp16", "fp32"]
# What torch says of processors that multiply in bf16, on x86 and on ARM.
BF16_CAPABILITIES = ("amx_bf16", "avx512_bf16", "bf16")


def settle(precision: Literal["auto", "bf16", "fp16", "fp32"], device: torch.device) -> Precision:
    """Return the precision that a recipe's word means on a device: ``auto`` is bf16 where it is in hardware, else fp32.

    >>> settle("fp16", torch.device("cpu")), settle("auto", torch.device("meta"))
    ('fp16', 'fp32')
    """
    if precision != "auto":
        return precision
    return "bf16" if multiplies_in_bf16(device) else "fp32"


def multiplies_in_bf16(device: torch.device) -> bool:
    """Tell whether a device has instructions for bf16; without them a product takes many times as long as in fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in BF16_CAPABILITIES)


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which the forward pass runs; fp32 is no context at all."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


def make_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Return the loss scaler; it is switched off unless the precision is fp16 (Micikevicius et al. 2018)."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
