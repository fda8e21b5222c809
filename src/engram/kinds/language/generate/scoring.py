"""Likelihoods of the right texts, and the model's own texts where a metric asks for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from engram.evaluate.predicted import Predicted
from engram.kinds.language.card import GENERATE
from engram.kinds.language.generate.answers import text_answers
from engram.kinds.language.generate.batches import pad, scoring_order, target_logits
from engram.kinds.language.generate.examples import Examples, voice_of
from engram.kinds.language.generate.writing import write
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.schema.recipe import Recipe

Progress = Callable[[int, int], None]
# Metrics that are told from likelihoods alone; any other needs to see what the model writes.
OF_LIKELIHOODS = frozenset({"loss", "perplexity"})


def predict(loaded: Loaded, examples: Examples, on_progress: Progress | None = None) -> Predicted:
    """Score every row, in its given order, and let the model write where the recipe's metrics need its texts.

    The logits are the log-probabilities of all targets, sequence by sequence, computed in fp32.
    """
    wanted = wants_texts(loaded.recipe)
    total = len(examples.ids) + (len(examples.prompts) if wanted else 0)
    chances = log_probabilities(loaded, examples, lambda done: on_progress(done, total) if on_progress else None)
    texts = None
    if wanted:
        offset = len(examples.ids)
        written = write(
            loaded,
            voice_of(loaded),
            examples.prompts,
            lambda done: on_progress(offset + done, total) if on_progress else None,
        )
        texts = [one.text for one in written]
    flat = np.concatenate(chances) if chances else np.zeros(0, dtype=np.float32)
    return Predicted(text_answers(examples, chances, texts), flat)


def wants_texts(recipe: Recipe | None) -> bool:
    """Tell whether some metric of a recipe needs texts: writing takes far longer than scoring."""
    named = recipe.evaluate.metrics if recipe is not None else ()
    return bool(set(named or [kpi.name for kpi in GENERATE.kpis]) - OF_LIKELIHOODS)


def log_probabilities(
    loaded: Loaded, examples: Examples, on_rows: Callable[[int], None] = lambda done: None
) -> list[NDArray[np.float32]]:
    """Return for each sequence the log-probability of each of its targets, given all that is right before it."""
    loaded.model.eval()
    found: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)] * len(examples.ids)
    done = 0
    with torch.inference_mode():
        for rows in scoring_order(loaded, examples):
            logits, targets = target_logits(loaded.model, pad(loaded, examples, rows))
            chances = -torch.nn.functional.cross_entropy(logits, targets, reduction="none").float().cpu().numpy()
            counts = [sum(target != MASKED for target in examples.targets[row]) for row in rows]
            for row, part in zip(rows, np.split(chances, np.cumsum(counts)[:-1]), strict=True):
                found[row] = part
            done += len(rows)
            on_rows(done)
    return found
