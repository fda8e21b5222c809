"""Sequences to batches, packed or padded, and the logits that answer their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from engram.kinds.language import padding
from engram.kinds.language.generate.examples import Examples
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED, scoring_tokens
from engram.train import packing
from engram.train.batches import order_for_scoring

# Logits that one batch of scoring may make: 256 MiB in fp32, whatever the vocabulary.
SCORING_LOGITS = 2**26


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Make a batch for training: packed where the recipe says so, else as `pad`."""
    if loaded.recipe is None or not loaded.recipe.train.packing:
        return pad(loaded, examples, rows)
    model: Any = loaded.model
    device = next(model.parameters()).device
    ids, targets = [examples.ids[row] for row in rows], [examples.targets[row] for row in rows]
    if examples.encoder_decoder:
        return packing.pack_pairs(ids, targets, start=model.config.decoder_start_token_id, device=device)
    return packing.pack(ids, targets, first_position=packing.first_position(model), device=device)


def pad(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Pad sequences to the longest of them, on the right.

    input_ids, attention_mask (rows, tokens) and targets: (rows, tokens) for a decoder alone. For an encoder-decoder
    targets are (rows, answer), and decoder_input_ids are the start token and then the answer without its last.
    """
    if not examples.encoder_decoder:
        return padding.collate(loaded, examples, rows)
    config: Any = loaded.model.config
    fill, start = loaded.tokenizer.pad_token_id, config.decoder_start_token_id
    asked, answers = [examples.ids[row] for row in rows], [examples.targets[row] for row in rows]
    arrays = {
        "input_ids": _pad(asked, fill),
        "attention_mask": _pad([[1] * len(ids) for ids in asked], 0),
        "decoder_input_ids": _pad([[start, *ids[:-1]] for ids in answers], fill),
        "targets": _pad(answers, MASKED),
    }
    device = next(loaded.model.parameters()).device
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all sequences in batches for evaluation, longest first."""
    for rows in scoring_order(loaded, examples):
        yield pad(loaded, examples, rows)


def scoring_order(loaded: Loaded, examples: Examples) -> list[list[int]]:
    """Return the batches of evaluation: as many tokens as their logits have room for."""
    room = max(1, SCORING_LOGITS // len(loaded.tokenizer))
    return order_for_scoring(examples.lengths, min(scoring_tokens(loaded), room))


def target_logits(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that answer a target, shape (targets, vocabulary), and the targets.

    model: a model, or one that was reopened as a graph.
    """
    inputs = {name: tensor for name, tensor in batch.items() if name != "targets"}
    wanted = batch["targets"] != MASKED
    logits = model(**inputs, **({"use_cache": False} if isinstance(model, torch.nn.Module) else {})).logits
    return logits[wanted].float(), batch["targets"][wanted]


def _pad(rows: Sequence[Sequence[int]], fill: int) -> np.ndarray:
    array = np.full((len(rows), max(1, max(map(len, rows)))), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array
