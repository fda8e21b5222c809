"""AdamW, and its state by parameter name instead of by number."""

from __future__ import annotations

import torch
from torch import nn

from engram.errors import CheckpointError
from engram.schema.recipe import Train
from engram.train.parallel import parted_like


def make_optimizer(model: nn.Module, options: Train) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov & Hutter 2019); biases and norm weights (one dimension) are not decayed."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=options.learning_rate,
        fused=all(p.is_floating_point() for p in trainable),
    )


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the optimizer's state as ``<parameter name>/<state name>`` → tensor."""
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{name}/{key}"] = torch.as_tensor(value)
    return tensors


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put a saved state back.

    Raises CheckpointError when a name belongs to no parameter.
    """
    parameters = dict(model.named_parameters())
    for key, tensor in tensors.items():
        name, _, state = key.rpartition("/")
        if name not in parameters:
            raise CheckpointError(f"The checkpoint holds optimizer state for {name!r}, which this model has not.")
        parameter = parameters[name]
        on_host = state == "step" and not optimizer.defaults["fused"]  # fused kernels count steps on the device
        placed = tensor.clone().to(tensor.device if on_host else parameter.device)
        optimizer.state[parameter][state] = parted_like(placed, parameter)
