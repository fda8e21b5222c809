"""The task transcribe: what a model answers to a batch, and its loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from engram.kinds.stt.examples import MASKED

Batch = Mapping[str, torch.Tensor]


def loss(model: Any, batch: Batch) -> tuple[torch.Tensor, int]:
    """Return the summed loss of the rows that have targets, and the number of these targets.

    Of a model that spells it is that of CTC (Graves et al. 2006), each row's alone; of one that writes the
    cross-entropy of its tokens, the end of the transcript among them and the prompt not.
    """
    targets = batch["targets"]
    if "written" in batch:
        logits = token_logits(model, batch)
        total = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="sum")
        return total, int((targets != MASKED).sum())
    taught = torch.nonzero((targets != MASKED).any(1)).flatten()
    logits = frame_logits(model, batch)
    if not len(taught):
        return logits.sum() * 0.0, 0
    targets, lengths = targets[taught], (targets[taught] != MASKED).sum(1)
    total = functional.ctc_loss(
        logits[taught].float().log_softmax(-1).transpose(0, 1),
        targets[targets != MASKED],
        batch["frames"][taught],
        lengths,
        blank=_inner(model).config.pad_token_id,
        reduction="sum",
    )
    return total, int(lengths.sum())


def frame_logits(model: Any, batch: Batch) -> torch.Tensor:
    """Return the logits of every frame, shape (rows, frames, characters); behind a row's own frames they mean nothing.

    Rows whose widths disturb each other go through the model apart, those of one width together.
    """
    name, inputs = _inner(model).main_input_name, batch["inputs"]
    if "mask" in batch:
        found: torch.Tensor = model(**{name: inputs}, attention_mask=batch["mask"]).logits
        return found
    parts, order = [], []
    for width in torch.unique(batch["widths"]).tolist():
        rows = torch.nonzero(batch["widths"] == width).flatten()
        parts.append(model(**{name: inputs[rows, :width]}).logits)
        order.append(rows)
    most = max(part.shape[1] for part in parts)
    padded = [functional.pad(part, (0, 0, 0, most - part.shape[1])) for part in parts]
    return torch.cat(padded)[torch.argsort(torch.cat(order))]


def token_logits(model: Any, batch: Batch) -> torch.Tensor:
    """Return the logits of every token of a transcript and of its end, shape (rows, tokens, vocabulary)."""
    given = {_inner(model).main_input_name: batch["inputs"], "decoder_input_ids": batch["written"]}
    prompt = batch["written"].shape[1] - batch["targets"].shape[1]
    found: torch.Tensor = model(**given, use_cache=False).logits[:, prompt:]
    return found


def _inner(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model
