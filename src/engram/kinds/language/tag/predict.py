"""The task tag: a tag for every word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engram.evaluate.predicted import Predicted
from engram.evaluate.span_answers import SpanAnswers
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import collate, scoring_tokens
from engram.kinds.language.tag.decode import decode
from engram.kinds.language.tag.examples import Examples
from engram.train.batches import order_for_scoring

ANSWERS = SpanAnswers
OUTSIDE = "O"
# What a word without a token scores as "outside", in place of a model's logit: more than any model could outweigh.
WITHOUT_TOKEN = 1e4

Progress = Callable[[int, int], None]


def predict(loaded: Loaded, examples: Examples, on_progress: Progress | None = None) -> Predicted:
    """Answer every word of every row, in their given order; computed in fp32.

    logits: shape (words, labels). The tags are those of `decode`.
    """
    logits = score(loaded, examples, on_progress)
    return Predicted(answers_of(examples, decode(logits, examples.offsets, loaded.labels), loaded.labels), logits)


def answers_of(examples: Examples, guess: NDArray[np.int64], labels: tuple[str, ...]) -> SpanAnswers:
    """Return guessed tags, shape (words,), as what the task's metrics take."""
    return SpanAnswers(examples.truth, guess, examples.offsets, labels)


def score(loaded: Loaded, examples: Examples, on_progress: Progress | None = None) -> NDArray[np.float32]:
    """Return the logits of every word of all rows, shape (words, labels), computed in fp32.

    A word that the tokenizer drops is outside by rule: its logits are zero, and 10,000 for the label O.
    """
    logits = np.zeros((len(examples.truth), len(loaded.labels)), dtype=np.float32)
    logits[examples.places[:, 0] < 0, outside(loaded.labels)] = WITHOUT_TOKEN

    def keep(words: NDArray[np.int64], out: torch.Tensor) -> None:
        logits[words] = out.float().cpu().numpy()

    visit(loaded, examples, lambda batch: _logits(loaded, batch), keep, on_progress)
    return logits


def visit(
    loaded: Loaded,
    examples: Examples,
    compute: Callable[[dict[str, torch.Tensor]], torch.Tensor],
    keep: Callable[[NDArray[np.int64], torch.Tensor], None],
    on_progress: Progress | None = None,
) -> None:
    """Compute something of every token, shape (windows, tokens, …), and keep it at the places of the words.

    keep: gets the numbers of some words and what was computed at their places, shape (words, …).
    """
    order = np.argsort(examples.places[:, 0], kind="stable")
    bounds = np.searchsorted(examples.places[order, 0], np.arange(len(examples.ids) + 1))
    loaded.model.eval()
    done = 0
    with torch.inference_mode():
        for windows in order_for_scoring(examples.lengths, scoring_tokens(loaded)):
            out = compute(collate(loaded, examples, windows))
            words = [order[bounds[window] : bounds[window + 1]] for window in windows]
            rows = np.repeat(np.arange(len(windows)), [len(some) for some in words])
            chosen = np.concatenate(words)
            keep(chosen, out[torch.from_numpy(rows), torch.from_numpy(examples.places[chosen, 1])])
            done += len(windows)
            if on_progress is not None:
                on_progress(done, len(examples.ids))


def outside(labels: Sequence[str]) -> int:
    """Return the index of the label O, or 0 where there is none.

    >>> outside(("B-person", "O")), outside(("NOUN", "VERB"))
    (1, 0)
    """
    return labels.index(OUTSIDE) if OUTSIDE in labels else 0


def _logits(loaded: Loaded, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    out: torch.Tensor = loaded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return out
