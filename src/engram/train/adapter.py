"""What is trained: all weights, or low-rank adapters put on by peft (LoRA, Hu et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from engram.errors import UserError
from engram.schema.recipe import Adapter
from engram.train.fused_lora import fuse

# What transformers calls the head of a classifier.
HEADS = ("classifier", "score")


def attach(
    model: nn.Module,
    adapter: Adapter,
    task_type: str | None,
    token_rows: Mapping[str, list[int]] | None = None,
    heads: Sequence[str] = (),
) -> nn.Module:
    """Make a model trainable the way the recipe says.

    full: every parameter. lora: the base is frozen, adapters are added, and peft keeps the task's new head trainable.
    task_type is peft's word (``SEQ_CLS``, ``CAUSAL_LM``, …), None for models of which it knows no task. token_rows:
    layer → rows of it that are trained and saved beside the adapters, for tokens that are new to the model. heads:
    parts that are trained and saved whole (`engram.export.heads.head_modules`), where the word for the task tells none.

    Raises UserError when `target_modules` names no module of this model.
    """
    if adapter.type == "full":
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        return model
    from peft import LoraConfig, get_peft_model

    targets = adapter.target_modules if isinstance(adapter.target_modules, str) else list(adapter.target_modules)
    config = LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=targets,
        task_type=task_type,
        trainable_token_indices=dict(token_rows) if token_rows else None,
        modules_to_save=list(heads) or None,
        # A head of its own needs no adapter.
        exclude_modules=list(heads) or (list(HEADS) if task_type == "TOKEN_CLS" else None),
    )
    try:
        tuned = get_peft_model(model, config)
    except ValueError as error:
        linear = sorted(
            {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if isinstance(part, nn.Linear)}
        )
        raise UserError(
            f"adapter.target_modules {targets!r} fits no module of this model. Its linear layers: {', '.join(linear)}.",
            remedy="Name some of these, or write target_modules: all-linear.",
        ) from error
    fuse(tuned)
    return tuned


def trained_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return what training changes: trainable parameters and buffers, by name."""
    weights: dict[str, torch.Tensor] = {
        name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
    }
    kept = set(model.state_dict())
    weights |= {name: buffer for name, buffer in model.named_buffers() if name in kept}
    return {name: tensor.detach() for name, tensor in _without_ties(weights).items()}


def restore_weights(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Put trained weights back into a model that was built the same way.

    Raises UserError when the names or shapes differ: these weights belong to another model.
    """
    own: dict[str, torch.Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    expected = set(trained_weights(model))
    if set(weights) != expected:
        odd = sorted(set(weights) ^ expected)[:3]
        raise UserError(f"These weights belong to another model: {', '.join(odd)} stand on one side only.")
    with torch.no_grad():
        for name, tensor in weights.items():
            if own[name].shape != tensor.shape:
                raise UserError(f"{name} has the shape {tuple(own[name].shape)}, not {tuple(tensor.shape)}.")
            own[name].copy_(tensor)


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Return the number of trainable and of all parameters."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {"trainable": sum(size for size, on in sizes if on), "all": sum(size for size, _ in sizes)}


def _without_ties(weights: dict[str, Any]) -> dict[str, Any]:
    seen: set[int] = set()
    alone: dict[str, Any] = {}
    for name, tensor in weights.items():
        here = tensor.to_local() if hasattr(tensor, "to_local") else tensor  # a process may hold a part, even none
        if here.data_ptr() in seen and here.numel() > 0:
            continue
        seen.add(here.data_ptr())
        alone[name] = tensor
    return alone
