"""The task classify: batches, loss and predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from engram.data.rows import Row
from engram.kinds.language.examples import MASKED, Examples, tokenise
from engram.kinds.language.load import Loaded
from engram.train.batches import order_for_scoring

SCORING_TOKENS = 4096


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Pad some rows to the longest of them: input_ids, attention_mask (rows, tokens) and targets (rows,)."""
    device = next(loaded.model.parameters()).device
    chosen = [examples.ids[row] for row in rows]
    width = max(1, max(map(len, chosen)))
    ids = np.full((len(chosen), width), loaded.tokenizer.pad_token_id, dtype=np.int64)
    mask = np.zeros((len(chosen), width), dtype=np.int64)
    for i, tokens in enumerate(chosen):
        ids[i, : len(tokens)] = tokens
        mask[i, : len(tokens)] = 1
    targets = np.array([examples.targets[row] for row in rows], dtype=np.int64)
    arrays = {"input_ids": ids, "attention_mask": mask, "targets": targets}
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the rows that have a target, and their number."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    total = functional.cross_entropy(logits.float(), batch["targets"], ignore_index=MASKED, reduction="sum")
    return total, int((batch["targets"] != MASKED).sum())


def predict(
    loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Return the logits of every row in its given order, shape (rows, labels), computed in fp32."""
    loaded.model.eval()
    logits = np.zeros((len(examples.ids), len(loaded.labels)), dtype=np.float32)
    done = 0
    with torch.inference_mode():
        for rows in order_for_scoring(examples.lengths, SCORING_TOKENS):
            batch = collate(loaded, examples, rows)
            out = loaded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            logits[rows] = out.float().cpu().numpy()
            done += len(rows)
            if on_progress is not None:
                on_progress(done, len(examples.ids))
    return logits


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all rows in batches for evaluation, longest first."""
    for rows in order_for_scoring(examples.lengths, SCORING_TOKENS):
        yield collate(loaded, examples, rows)


def answer(loaded: Loaded, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Answer texts with their label and the probability of each label."""
    rows = [Row(index, text, MASKED) for index, text in enumerate(texts)]
    logits = predict(loaded, tokenise(loaded.tokenizer, rows, loaded.max_length, len(loaded.labels)))
    answers = []
    for row in probabilities(logits):
        ranked = {loaded.labels[i]: round(float(row[i]), 6) for i in np.argsort(-row)}
        answers.append({"label": loaded.labels[int(row.argmax())], "probabilities": ranked})
    return answers


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the softmax of each row.

    >>> probabilities(np.zeros((1, 4), dtype=np.float32)).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
