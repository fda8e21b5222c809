"""Rows one after the other in one sequence: no padding, and no row sees another.

    rows      [A A A] [B B] [C]
    ids        A A A   B B   C        input_ids       (1, tokens)
    positions  0 1 2   0 1   0        position_ids    (1, tokens), from the model's own first position
    layout     3       2     1        attention_mask  (1, 1, 1, rows), see packed_attention
    targets    b c -   e -   -        targets         (1, tokens); of a causal model: the token that comes next

`enable` puts the attention in place and proves on the model itself that packed rows get what they get alone. What it
can't prove it refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from engram.errors import UserError
from engram.train import packed_attention

MASKED = -100
# Hidden states of a packed row may differ from those of the row alone by this share of the largest: rounding only.
TOLERANCE = 1e-4
_PROBE = (5, 3, 3, 1)


def pack(
    rows: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]] | None = None,
    *,
    causal: bool = False,
    first_position: int = 0,
    device: torch.device | str = "cpu",
) -> dict[str, torch.Tensor]:
    """Make one sequence of some rows, in the given order; neighbours of equal length are attended fastest.

    rows: token ids. targets: for each row a label for each token, MASKED where there is none to learn; with `causal`
    these are the row's own tokens and each position is given the label of the next one.
    first_position: see `first_position`. The layout stays on the host, where it is read.

    >>> pack([[7, 8, 9], [4, 5]], [[-100, 8, 9], [-100, 5]], causal=True)["targets"].tolist()
    [[8, 9, -100, 5, -100]]
    """
    lengths = [len(row) for row in rows]
    arrays = {
        "input_ids": np.concatenate([np.asarray(row, dtype=np.int64) for row in rows]),
        "position_ids": np.concatenate([np.arange(first_position, first_position + n) for n in lengths]),
    }
    if targets is not None:
        arrays["targets"] = np.concatenate([np.asarray(row, dtype=np.int64) for row in targets])
        if causal:
            arrays["targets"] = np.append(arrays["targets"][1:], MASKED)
            arrays["targets"][np.cumsum(lengths) - 1] = MASKED
    batch = {name: torch.from_numpy(array)[None].to(device) for name, array in arrays.items()}
    return {**batch, "attention_mask": packed_attention.layout_of(lengths)}


def pack_pairs(
    sources: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    start: int,
    device: torch.device | str = "cpu",
) -> dict[str, torch.Tensor]:
    """Make one sequence of the sources and one of the answers of some rows, for an encoder-decoder.

    answers: token ids to learn, MASKED where there is none. start: the token that a decoder begins with. The decoder
    reads start and then the answer without its last token; an id that is masked is read as `start`.
    Returns input_ids, attention_mask, decoder_input_ids, decoder_attention_mask and targets.

    >>> pack_pairs([[7, 8], [9]], [[4, 5], [6]], start=0)["decoder_input_ids"].tolist()
    [[0, 4, 0]]
    """
    read = [[start, *(start if token == MASKED else token for token in answer[:-1])] for answer in answers]
    arrays = {"input_ids": sources, "decoder_input_ids": read, "targets": answers}
    batch = {
        name: torch.from_numpy(np.concatenate([np.asarray(row, dtype=np.int64) for row in these]))[None].to(device)
        for name, these in arrays.items()
    }
    asked, answered = list(map(len, sources)), list(map(len, answers))
    return {
        **batch,
        "attention_mask": packed_attention.layout_of(asked, answered),
        "decoder_attention_mask": packed_attention.layout_of(answered),
    }


def first_position(model: Any) -> int:
    """Return the position id of a row's first token: 0, or one past the padding id for the RoBERTa family."""
    for module in body_of(model).modules():
        # Asked of the class: a module looks for a name that it has not in all its parameters and parts.
        if hasattr(type(module), "create_position_ids_from_input_ids"):
            return int(module.padding_idx) + 1
    return 0


def body_of(model: Any) -> Any:
    """Return the transformers model under an adapter and below its head: the part that gives hidden states."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.base_model


def enable(model: Any) -> None:
    """Put packed attention into a model, and prove on it that packed rows get what they get alone.

    Padded batches are answered as before. May be called again.

    Raises UserError, saying what is in the way, for a model whose rows would mix or change.
    """
    body = body_of(model)
    before = body.config._attn_implementation
    if before == packed_attention.NAME:
        return
    packed_attention.register()
    why = _in_the_way(body) or _proven(model, body)
    if why:
        if body.config._attn_implementation == packed_attention.NAME:
            body.set_attn_implementation(before)
        raise UserError(
            f"Rows of a {body.config.model_type} model can't be packed: {why}.",
            remedy="Write train: {packing: false}; group_by_length keeps padding low as well.",
        )


def _in_the_way(body: Any) -> str:
    if not hasattr(body, "set_attn_implementation") or not body._can_set_attn_implementation():
        return "its attention can't be exchanged"
    if getattr(body.config, "attention_chunk_size", None):
        return "its attention works in chunks of the sequence"
    return ""


def _proven(model: nn.Module, body: Any) -> str:
    """Compare hidden states of packed rows with those of the rows alone, and say what is wrong or nothing."""
    rows = _probe_rows(body)
    answers = [*rows[1:], rows[0]]
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = [_hidden_alone(body, *pair) for pair in zip(rows, answers, strict=True)]
            body.set_attn_implementation(packed_attention.NAME)
            together = body(**_packed_probe(body, rows, answers))[0]
        apart = torch.cat(alone, dim=1)
        difference = float((together - apart).abs().max() / apart.abs().max())
    except UserError:
        raise
    except Exception as error:
        return f"it does not take them ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    finally:
        model.train(training)
    allowed = max(TOLERANCE, 8 * torch.finfo(apart.dtype).eps)
    return "" if difference <= allowed else f"they change each other's hidden states (by {difference:.1g})"


def _probe_rows(body: Any) -> list[list[int]]:
    """Return rows of a few tokens each, none of them the padding token."""
    config = body.config.get_text_config()
    known = [token for token in range(min(config.vocab_size, 32)) if token != config.pad_token_id]
    return [[known[(7 * row + 3 * place + 1) % len(known)] for place in range(n)] for row, n in enumerate(_PROBE)]


def _hidden_alone(body: Any, row: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    ids = torch.tensor([row], device=body.device)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if body.config.is_encoder_decoder:
        batch["decoder_input_ids"] = torch.tensor([[0, *answer[:-1]]], device=body.device)
    found: torch.Tensor = body(**batch)[0]
    return found


def _packed_probe(body: Any, rows: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> dict[str, Any]:
    if not body.config.is_encoder_decoder:
        return pack(rows, first_position=first_position(body), device=body.device)
    batch = pack_pairs(rows, answers, start=0, device=body.device)
    return {name: tensor for name, tensor in batch.items() if name != "targets"}
