"""Tagged rows to token ids: every word has one place at which it is learned and answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.data.rows import TagRow
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.kinds.language.tag import windows
from engram.kinds.language.tag.words import split_words
from engram.schema.recipe import Recipe

CHUNK_ROWS = 1024


@dataclass(frozen=True)
class Examples:
    """Tokenised rows, cut into windows where they are too long.

    ids, targets: the tokens of each window, and at the first token of each word that the window answers its tag;
    MASKED elsewhere. words: the words of each row. truth: the tag of each word of all rows, shape (words,), MASKED
    where it is none of the labels. offsets: row i holds the words from offsets[i] to offsets[i + 1], shape (rows + 1,).
    places: window and token at which each word is answered, shape (words, 2), -1 for a word without a token.
    tokens_lost: tokens that are in no window. errors: words that gave no token.
    """

    ids: Sequence[Sequence[int]]
    targets: Sequence[Sequence[int]]
    words: Sequence[tuple[str, ...]]
    truth: NDArray[np.int64]
    offsets: NDArray[np.int64]
    places: NDArray[np.int64]
    tokens_total: int
    tokens_lost: int
    errors: int

    @property
    def lengths(self) -> list[int]:
        """Tokens of each window."""
        return [len(ids) for ids in self.ids]

    @property
    def untrainable(self) -> int:
        """Rows in which no word has both a token and a tag to learn."""
        learned = (self.truth != MASKED) & (self.places[:, 0] >= 0)
        rows = np.repeat(np.arange(len(self.words)), np.diff(self.offsets))
        return len(self.words) - len(np.unique(rows[learned]))


def prepare(loaded: Loaded, rows: Iterable[TagRow]) -> Examples:
    """Tokenise rows with the model's own tokenizer, in windows of the model's longest input."""
    return tokenise_rows(loaded.tokenizer, list(rows), loaded.max_length, len(loaded.labels))


def tokenise(tokenizer: Any, rows: Sequence[TagRow], recipe: Recipe, labels: Sequence[str]) -> Examples:
    """Tokenise rows as the recipe says, without a model: what the data gate looks at."""
    return tokenise_rows(tokenizer, rows, recipe.train.max_seq_length, len(labels))


def tokenise_rows(tokenizer: Any, rows: Sequence[TagRow], max_length: int, classes: int) -> Examples:
    """Tokenise rows; the target of a word stands at its first token, in the window in which it has most context.

    A tag outside 0 … classes-1 can't be learned from and is masked. Raises UserError for a tokenizer that can't tell
    which word a token came from.
    """
    ids: list[list[int]] = []
    targets: list[list[int]] = []
    truth = np.array([tag if 0 <= tag < classes else MASKED for row in rows for tag in row.tags], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum([len(row.tokens) for row in rows])]).astype(np.int64)
    places = np.full((len(truth), 2), -1, dtype=np.int64)
    total = lost = 0
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        for number, row in enumerate(split_words(tokenizer, [one.tokens for one in chunk]), start):
            around = len(row.before) + len(row.after)
            kept = [word for word, first in enumerate(row.first) if first >= 0]
            starts = [row.first[word] for word in kept]
            cuts = windows.cut(starts, len(row.ids), max(1, max_length - around))
            for word, window in zip(kept, windows.owners(starts, len(row.ids), cuts), strict=True):
                token = len(row.before) + row.first[word] - cuts[window][0]
                places[offsets[number] + word] = (len(ids) + window, token)
            for begin, end in cuts:
                ids.append([*row.before, *row.ids[begin:end], *row.after])
                targets.append([MASKED] * len(ids[-1]))
            total += len(row.ids) + around
            lost += len(row.ids) - _covered(cuts)
    for (window, token), tag in zip(places.tolist(), truth.tolist(), strict=True):
        if window >= 0:
            targets[window][token] = tag
    errors = int((places[:, 0] < 0).sum())
    return Examples(ids, targets, [row.tokens for row in rows], truth, offsets, places, total, lost, errors)


def _covered(cuts: Sequence[tuple[int, int]]) -> int:
    """Return how many tokens are in a window; windows begin and end in rising order."""
    return sum(
        end - max(begin, before) for (begin, end), before in zip(cuts, [0, *(end for _, end in cuts)], strict=False)
    )


def take(examples: Examples, rows: NDArray[np.int64]) -> Examples:
    """Return some of the rows; what was lost and counted on the way stays what it was for all of them."""
    words = np.concatenate([np.arange(examples.offsets[row], examples.offsets[row + 1]) for row in rows])
    places = examples.places[words]
    windows = np.unique(places[places[:, 0] >= 0, 0])
    places[:, 0] = np.where(places[:, 0] < 0, -1, np.searchsorted(windows, places[:, 0]))
    return replace(
        examples,
        ids=[examples.ids[window] for window in windows],
        targets=[examples.targets[window] for window in windows],
        words=[examples.words[row] for row in rows],
        truth=examples.truth[words],
        offsets=np.concatenate([[0], np.cumsum(np.diff(examples.offsets)[rows])]).astype(np.int64),
        places=places,
    )
