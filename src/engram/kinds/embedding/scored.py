"""Rows of two texts and a score: batches of them, their loss, and what an encoder says of them.

The cosine of the two vectors is to be the score, brought to 0 to 1 (Reimers and Gurevych, Sentence-BERT, 2019, section
3, regression). Each row stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import AutoConfig

from engram.data.rows import ScoredRow
from engram.evaluate.predicted import Predicted
from engram.evaluate.score_answers import ScoreAnswers
from engram.kinds.embedding.load import Loaded, longest_text, open_tokenizer
from engram.kinds.embedding.modules import read_plan
from engram.kinds.embedding.source import find_folder
from engram.kinds.embedding.texts import Texts, tokenise
from engram.kinds.embedding.vectors import embed
from engram.prep.plan import readings
from engram.schema.recipe import Recipe
from engram.train.batches import order_for_scoring

SCORING_TOKENS = 1024

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Scored pairs. first, second: a text of each row, shape (rows,). scores: as the rows have them, shape (rows,).

    texts: token ids of each different text. lengths: tokens of each row, of both its texts.
    """

    first: Ints
    second: Ints
    scores: NDArray[np.float64]
    texts: Texts
    lengths: Sequence[int]


def scale_of(recipe: Recipe) -> tuple[float, float]:
    """Return the scores that stand for nothing alike and for the same."""
    least, most = readings(recipe.prep).get("score_scale", (0.0, 1.0))
    return float(least), float(most)


def prepare(loaded: Loaded, rows: Iterable[ScoredRow]) -> Examples:
    """Return rows as examples; each text that occurs is tokenised once."""
    numbers: dict[str, int] = {}
    pairs, scores = [], []
    for row in rows:
        pairs.append([numbers.setdefault(text, len(numbers)) for text in (row.sentence1, row.sentence2)])
        scores.append(row.score)
    texts = tokenise(loaded.tokenizer, tuple(numbers), loaded.plan, loaded.max_length)
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    lengths = [len(texts.ids[one]) + len(texts.ids[other]) for one, other in both.tolist()]
    return Examples(both[:, 0], both[:, 1], np.array(scores, dtype=np.float64), texts, lengths)


def examine(recipe: Recipe, parts: Iterable[Sequence[ScoredRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: lost tokens, texts without any, and scores beyond the scale."""
    folder, (least, most) = find_folder(recipe.model), scale_of(recipe)
    tokenizer, plan = open_tokenizer(folder), read_plan(folder)
    longest = longest_text(recipe.train.max_seq_length, AutoConfig.from_pretrained(folder), plan)
    off, texts = 0, []
    for part in parts:
        off += sum(not least <= row.score <= most for row in part)
        known = dict.fromkeys(text for row in part for text in (row.sentence1, row.sentence2))
        texts.append(tokenise(tokenizer, tuple(known), plan, longest))
    return {
        "tokenisation_error_rate": sum(one.errors for one in texts) / max(1, sum(len(one.ids) for one in texts)),
        "lost_tokens_rate": sum(one.lost for one in texts) / max(1, sum(one.total for one in texts)),
        "scores_off_scale": float(off),
    }


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return rows as a batch, each different text once.

    ``input_ids``, ``attention_mask`` (texts, tokens); ``first``, ``second`` (rows,) name texts; ``scores`` (rows,) are
    what their cosines shall be.
    """
    chosen = np.asarray(rows, dtype=np.int64)
    least, most = scale_of(loaded.recipe)
    first, second = examples.first[chosen], examples.second[chosen]
    used, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    arrays = {
        **examples.texts.padded(used.tolist(), loaded.tokenizer.pad_token_id),
        "first": places[: len(chosen)],
        "second": places[len(chosen) :],
        "scores": ((examples.scores[chosen] - least) / (most - least)).astype(np.float32),
    }
    device = next(loaded.model.parameters()).device
    return {name: torch.as_tensor(array).to(device) for name, array in arrays.items()}


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all rows in batches for a validation."""
    for rows in order_for_scoring(examples.lengths, SCORING_TOKENS):
        yield collate(loaded, examples, rows)


def loss(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed squared distance of cosines from scores, and the number of rows."""
    vectors = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    with torch.autocast(vectors.device.type, enabled=False):
        near = functional.cosine_similarity(vectors[batch["first"]].float(), vectors[batch["second"]].float())
        return ((near - batch["scores"]) ** 2).sum(), len(batch["scores"])


def predict(loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None) -> Predicted:
    """Score every row by the cosine of its texts' vectors; the numbers that exports must repeat are the vectors'."""
    vectors = embed(loaded, examples.texts, on_progress)
    wide = vectors.astype(np.float64)
    unit = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    near = (unit[examples.first] * unit[examples.second]).sum(axis=1)
    return Predicted(ScoreAnswers(near, examples.scores), vectors)


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, ScoreAnswers]:
    """Score the test rows with the untouched encoder.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    """
    return {"untouched": predict(loaded, test, on_progress).answers}
