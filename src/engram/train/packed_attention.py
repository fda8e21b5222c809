"""Attention that stays inside each row of a packed sequence, without a mask of tokens × tokens.

Rows that stand one after the other in one sequence are attended row by row: neighbours of equal length go through one
call of scaled dot-product attention as a batch, so no score between two rows is ever computed. What tells where rows
begin travels as the model's ``attention_mask``, an int32 tensor of four dimensions: transformers hands a mask of four
dimensions to every attention layer as it is, also when gradient checkpointing computes a layer again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engram.errors import UserError

NAME = "engram_packed"
# Longer rows go through the fused kernel, which keeps no scores.
PLAIN_TOKENS = 1024


def layout_of(lengths: Sequence[int], answered_by: Sequence[int] | None = None) -> torch.Tensor:
    """Return what stands for the attention mask of rows packed in this order, shape (1, 1, 1 or 2, rows), int32.

    answered_by: for the encoder of an encoder-decoder, the length of each row's part in the decoder: the decoder's
    attention to the encoder is given the encoder's mask, and must know both.

    >>> layout_of([3, 2]).tolist()
    [[[[3, 2]]]]
    """
    lines = [lengths] if answered_by is None else [lengths, answered_by]
    return torch.tensor(lines, dtype=torch.int32)[None, None]


def is_layout(mask: Any) -> bool:
    """Tell a layout from a mask: masks are boolean or floating point."""
    return isinstance(mask, torch.Tensor) and mask.dtype == torch.int32 and mask.ndim == 4


def register() -> None:
    """Make the attention known to transformers under NAME; masks of padded batches are made as for ``sdpa``."""
    from transformers import AttentionInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as transformers asks its attention functions to; a layout keeps each row to itself.

    query, key, value: (batch, heads, tokens, width). Returns (batch, tokens, heads, width).

    Raises UserError for rows longer than a window of attention that looks both ways.
    """
    if not is_layout(attention_mask):
        return _attend(module, query, key, value, attention_mask, **options), None
    runs = equal_runs(*_lengths(module, attention_mask))
    queries = torch.split(query, [count * asked for count, asked, _ in runs], dim=2)
    sizes = [count * seen for count, _, seen in runs]
    keys, values = torch.split(key, sizes, dim=2), torch.split(value, sizes, dim=2)
    bias = options.pop("position_bias", None)
    if bias is not None:  # it depends on distances alone, so one corner serves all rows
        bias = bias[:, :, : max(asked for _, asked, _ in runs), : max(seen for _, _, seen in runs)]
    parts = []
    for (count, asked, seen), *three in zip(runs, queries, keys, values, strict=True):
        rows = [t.reshape(t.shape[1], count, -1, t.shape[3]).transpose(0, 1) for t in three]
        corner = {} if bias is None else {"position_bias": bias[:, :, :asked, :seen]}
        mask = _window(module, seen, query.device, options)
        found = _attend(module, rows[0], rows[1], rows[2], mask, **options, **corner)
        parts.append(found.reshape(1, count * asked, *found.shape[2:]))
    return torch.cat(parts, dim=1), None


@lru_cache(maxsize=64)
def equal_runs(asking: tuple[int, ...], seen: tuple[int, ...]) -> tuple[tuple[int, int, int], ...]:
    """Return (how many, tokens that ask, tokens that are seen) for neighbours that are alike in both.

    >>> equal_runs((5, 5, 2, 5), (5, 5, 2, 5))
    ((2, 5, 5), (1, 2, 2), (1, 5, 5))
    """
    return tuple((len(list(same)), *pair) for pair, same in groupby(zip(asking, seen, strict=True)))


def _lengths(module: nn.Module, layout: torch.Tensor | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the lengths of the rows on the asking and on the seen side of a layer."""
    own, *other = (tuple(line) for line in layout[0, 0].tolist())  # type: ignore[index]
    return (other[0] if other and getattr(module, "is_decoder", False) else own), own


def _is_causal(module: nn.Module, options: dict[str, Any]) -> bool:
    said = options.get("is_causal")
    return bool(getattr(module, "is_causal", True) if said is None else said)


def _window(module: nn.Module, length: int, device: torch.device, options: dict[str, Any]) -> torch.Tensor | None:
    """Return the mask of rows that are longer than the layer's window of attention, None for all others."""
    window = options.get("sliding_window")
    if window is None or length <= window:
        return None
    if not _is_causal(module, options):
        raise UserError(
            f"Rows of {length} tokens can't be packed for this model: its attention looks both ways in a window "
            f"of {window} tokens.",
            remedy=f"Write train: {{packing: false}}, or max_seq_length: {window}.",
        )
    place = torch.arange(length, device=device)
    back = place[:, None] - place[None, :]
    mask: torch.Tensor = (back >= 0) & (back < window)
    return mask[None, None]


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    **options: Any,
) -> torch.Tensor:
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else query.dtype
    # The fused kernel of CPUs is slow in 16 bits: on rows of 16 to 64 tokens it takes 2 to 6 times as long as plain
    # products, forward and backward together. In 32 bits both take the same time.
    slow = query.device.type == "cpu" and dtype in (torch.bfloat16, torch.float16) and key.shape[2] <= PLAIN_TOKENS
    if slow or options.get("softcap") is not None:
        return _attend_plain(module, query, key, value, mask, **options)
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    found: torch.Tensor = sdpa_attention_forward(module, query, key, value, mask, **options)[0]
    return found


def _attend_plain(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    *,
    softcap: float | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    position_bias: torch.Tensor | None = None,
    **options: Any,
) -> torch.Tensor:
    """Attend by two batched products and a softmax; scores may be kept within ±softcap (Gemma 2)."""
    (batch, heads, asked, width), seen = query.shape, key.shape[2]
    if key.shape[1] < heads:
        key, value = (t.repeat_interleave(heads // t.shape[1], dim=1) for t in (key, value))
    bias = _additive(mask, query, causal=mask is None and asked > 1 and _is_causal(module, options))
    bias = bias if position_bias is None else bias + position_bias
    bias = bias.expand(batch, heads, asked, seen).reshape(-1, asked, seen)
    queries, keys, values = (t.reshape(batch * heads, -1, t.shape[-1]) for t in (query, key, value))
    scale = width**-0.5 if scaling is None else scaling
    if softcap is None:
        scores = torch.baddbmm(bias, queries, keys.transpose(1, 2), alpha=scale)
    else:
        scores = torch.tanh(torch.bmm(queries, keys.transpose(1, 2)) * (scale / softcap)) * softcap + bias
    chances = functional.dropout(torch.softmax(scores, dim=-1), dropout, module.training)
    found = torch.bmm(chances.to(values.dtype), values)
    return found.reshape(batch, heads, asked, -1).transpose(1, 2).contiguous()


def _additive(mask: torch.Tensor | None, query: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Return a mask that is added to scores; low numbers, not -inf: padding that sees nothing gets no NaN.

    Half of the lowest number: no score that is added makes an infinity of it.
    """
    if mask is not None and mask.dtype != torch.bool:
        return mask.to(query.dtype)
    if mask is None and not causal:
        return query.new_zeros(1, 1, 1, 1)
    tokens = query.shape[2]
    allowed = torch.ones(1, 1, tokens, tokens, dtype=torch.bool, device=query.device).tril() if mask is None else mask
    low = torch.finfo(query.dtype).min / 2
    return torch.zeros(allowed.shape, dtype=query.dtype, device=query.device).masked_fill(~allowed, low)
