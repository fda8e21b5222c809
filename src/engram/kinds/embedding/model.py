"""An encoder of texts: hidden states, pooled over real tokens, through dense layers, to length one."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engram.errors import UserError
from engram.kinds.embedding.modules import Plan


class Dense(nn.Module):
    """A linear layer and what follows it."""

    def __init__(self, inputs: int, outputs: int, bias: bool, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=bias)
        self.activation = getattr(nn, activation)()

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return (rows, outputs)."""
        found: torch.Tensor = self.activation(self.linear(vectors))
        return found


class Encoder(nn.Module):
    """Token ids and mask (rows, tokens) → vectors (rows, width), in fp32.

    body: transformers' encoder, perhaps with an adapter around it. A head of its own that pools and that nothing here
    reads is set aside, so that it is neither trained nor looked for, and put back where the whole is written.
    """

    def __init__(self, body: nn.Module, plan: Plan, folder: Path) -> None:
        super().__init__()
        self.body: Any = body
        self.plan = plan
        self.dense = nn.ModuleList(Dense(one.inputs, one.outputs, one.bias, one.activation) for one in plan.dense)
        for layer, spec in zip(self.dense, plan.dense, strict=True):
            _fill(layer, folder / spec.folder / "model.safetensors")
        self.aside: tuple[Any, ...] = ()
        inner = self.inner
        if isinstance(getattr(inner, "pooler", None), nn.Module):
            self.aside, inner.pooler = (inner.pooler,), None
        self.more = {"use_cache": False} if "use_cache" in inspect.signature(inner.forward).parameters else {}

    @property
    def inner(self) -> Any:
        """The encoder without what an adapter puts around it."""
        return self.body.get_base_model() if hasattr(self.body, "get_base_model") else self.body

    @property
    def config(self) -> Any:
        """The encoder's configuration."""
        return self.inner.config

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self.plan.dense[-1].outputs if self.plan.dense else int(self.config.get_text_config().hidden_size)

    def merge_and_unload(self, safe_merge: bool = True) -> Encoder:
        """Fold the adapter, where there is one, into the encoder's weights."""
        if hasattr(self.body, "merge_and_unload"):
            self.body = self.body.merge_and_unload(safe_merge=safe_merge)
        return self

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the vectors of rows; padding changes nothing in them."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask, **self.more).last_hidden_state
        vectors = pool(hidden.float(), attention_mask, self.plan.pooling)
        for layer in self.dense:
            vectors = layer(vectors)
        return functional.normalize(vectors.float(), dim=-1) if self.plan.normalise else vectors.float()


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Return one vector a row of the hidden states (rows, tokens, width) where the mask is 1.

    >>> pool(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1, 1, 0]]), "mean")
    tensor([[2.]])
    """
    real = mask.unsqueeze(-1)
    if pooling == "mean":
        return (hidden * real).sum(1) / real.sum(1).clamp(min=1)
    if pooling == "max":
        return hidden.masked_fill(real == 0, float("-inf")).max(dim=1).values
    places = torch.arange(mask.shape[1], device=mask.device)
    place = (places * mask).argmax(dim=1) if pooling == "lasttoken" else mask.argmax(dim=1)
    return torch.gather(hidden, 1, place[:, None, None].expand(-1, 1, hidden.shape[2])).squeeze(1)


def _fill(layer: nn.Module, path: Path) -> None:
    from safetensors.torch import load_file

    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    try:
        layer.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path} does not hold the weights of the layer that its config.json describes.",
            remedy="Check that both belong together.",
        ) from error
