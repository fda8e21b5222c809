"""Cross-entropy from hidden states and the output layer, without ever holding all logits.

A causal model's logits (tokens × vocabulary) are the largest tensor of its training, and their gradient is another.
Here logits are made for some rows at a time, turned into loss and gradient at once, and thrown away; positions without
a target get none at all. The gradient is exact: for one row it is (softmax − one-hot) · weight, which needs nothing
from the backward pass but a factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

MASKED = -100
# Logits that exist at a time: 64 MiB in 32 bits.
CHUNK_LOGITS = 2**24
# Gradients of fp16 logits are kept this much larger, or most of them would vanish before the loss scale is applied.
_FP16_BOOST = 2.0**10


def linear_cross_entropy(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    *,
    bias: torch.Tensor | None = None,
    softcap: float | None = None,
    chunk_logits: int = CHUNK_LOGITS,
) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy of `targets` under the logits `hidden @ weight.T + bias`, and how many count.

    hidden: (…, width). weight: (vocabulary, width). targets: (…), MASKED where there is none. bias: (vocabulary,).
    softcap: logits are softcap · tanh(logits / softcap) first (Gemma 2). Under autocast the products are made in its
    precision; sums, softmax and gradients are kept in 32 bits (64 for 64-bit input). The sum carries its graph.

    >>> hidden, weight = torch.zeros(2, 3), torch.zeros(4, 3)
    >>> total, count = linear_cross_entropy(hidden, weight, torch.tensor([1, -100]))
    >>> round(float(total), 4), count
    (1.3863, 1)
    """
    kept = (targets != MASKED).flatten().nonzero().squeeze(1)
    rows = hidden.flatten(0, -2).index_select(0, kept)
    wanted = targets.flatten().index_select(0, kept)
    device = hidden.device.type
    mixed = torch.is_autocast_enabled(device) and hidden.dtype != torch.float64
    dtype = torch.get_autocast_dtype(device) if mixed else torch.promote_types(hidden.dtype, weight.dtype)
    size = max(1, chunk_logits // weight.shape[0])
    apply: Any = _Sum.apply
    total: torch.Tensor = apply(rows, weight, bias, wanted, softcap, dtype, size, torch.is_grad_enabled())
    return total, kept.numel()


class _Sum(torch.autograd.Function):
    """The sum of the losses; forward leaves the gradients for a factor of one, backward multiplies."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        softcap: float | None,
        dtype: torch.dtype,
        size: int,
        learns: bool,
    ) -> torch.Tensor:
        exact = torch.float64 if dtype == torch.float64 else torch.float32
        needs = ctx.needs_input_grad if learns else (False, False, False)
        made = [
            torch.zeros(t.shape, dtype=exact, device=t.device) if need and t is not None else None
            for t, need in zip((hidden, weight, bias), needs, strict=False)
        ]
        total = torch.zeros((), dtype=exact, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            table = weight.to(dtype)
            for start in range(0, len(hidden), size):
                part = slice(start, start + size)
                own = [None if made[0] is None else made[0][part], made[1], made[2]]
                total += _chunk(hidden[part].to(dtype), table, bias, targets[part, None], softcap, own)
        ctx.save_for_backward(*made)
        ctx.dtypes = [None if t is None else t.dtype for t in (hidden, weight, bias)]
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        same = float(factor) == 1.0  # without a loss scale nothing is copied
        gradients = [
            None if made is None else (made if same else made * factor).to(dtype)
            for made, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        ]
        return (*gradients, None, None, None, None, None)


def _chunk(
    rows: torch.Tensor,
    table: torch.Tensor,
    bias: torch.Tensor | None,
    wanted: torch.Tensor,
    softcap: float | None,
    made: Sequence[torch.Tensor | None],
) -> torch.Tensor:
    """Return the loss of some rows, and add to the gradients of hidden states, weight and bias that are asked for."""
    exact = torch.float64 if rows.dtype == torch.float64 else torch.float32
    logits = (rows @ table.T).to(exact)
    if bias is not None:
        logits += bias
    bend = None
    if softcap is not None:
        bend = logits.div_(softcap).tanh_()
        logits = bend * softcap
    logits.sub_(logits.amax(dim=1, keepdim=True))
    chosen = logits.gather(1, wanted)
    mass = logits.exp_().sum(dim=1, keepdim=True)
    loss = (mass.log() - chosen).sum()
    if all(gradient is None for gradient in made):
        return loss
    slope = logits.div_(mass)  # softmax − one-hot: the gradient of the logits
    slope.scatter_add_(1, wanted, slope.new_full(wanted.shape, -1.0))
    if bend is not None:
        slope *= 1.0 - bend.square_()
    for_hidden, for_weight, for_bias = made
    if for_bias is not None:
        for_bias += slope.sum(dim=0)
    boost = _FP16_BOOST if rows.dtype == torch.float16 else 1.0
    small = slope.mul_(boost).to(rows.dtype)
    if for_hidden is not None:
        for_hidden += (small @ table).to(exact).div_(boost)
    if for_weight is not None and small.dtype == exact:
        for_weight.addmm_(small.T, rows)
    elif for_weight is not None:
        for_weight += (small.T @ rows).to(exact).div_(boost)
    return loss
