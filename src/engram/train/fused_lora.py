"""Low-rank adapters in fewer passes: y = x Wᵀ + s (x Aᵀ) Bᵀ, the second product added into the first one in place.

As peft has it, the adapter's part is made, scaled and added: three tensors as large as the layer's output, and as many
passes over memory forward and backward, which on CPUs cost as much as the layer's own product. What is computed is the
same; only the rounding of a sum differs. Layers that are more than a plain adapter on a linear layer (several adapters,
DoRA, a merged or disabled adapter, more arguments) are answered by peft, then as before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def fuse(model: nn.Module) -> int:
    """Let the plain adapters of a peft model compute in fewer passes; return how many there are.

    Weights, names and what is saved stay as they are.
    """
    from peft.tuners.lora.layer import Linear

    found = [layer for layer in model.modules() if type(layer) is Linear and type(layer.base_layer) is nn.Linear]
    for layer in found:
        layer.forward = _Fused(layer)  # type: ignore[method-assign]
    return len(found)


def unfuse(model: nn.Module) -> None:
    """Give the layers of a peft model back their own way to compute."""
    for layer in model.modules():
        if isinstance(layer.__dict__.get("forward"), _Fused):
            del layer.forward


class _Fused:
    """The forward pass of one layer, put in front of peft's own."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __call__(self, x: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        layer = self.layer
        names = layer.active_adapters
        if args or options or len(names) != 1 or not _is_plain(layer, names[0]):
            answered: torch.Tensor = type(layer).forward(layer, x, *args, **options)
            return answered
        name = names[0]
        rows = x.flatten(0, -2)  # added to in place below, and autograd copies what is added to through a view
        found: torch.Tensor = layer.base_layer(rows)
        narrow: torch.Tensor = layer.lora_A[name](layer.lora_dropout[name](rows))
        wide = layer.lora_B[name].weight.T
        found.addmm_(narrow.to(found.dtype), wide.to(found.dtype), alpha=layer.scaling[name])
        return found.view(*x.shape[:-1], -1)


def _is_plain(layer: Any, name: str) -> bool:
    return (
        not layer.disable_adapters
        and not layer.merged
        and name in layer.lora_A
        and name not in layer.lora_variant
        and layer.lora_B[name].bias is None
    )
