"""Rows to token ids, counting what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engram.data.rows import Row
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.schema.recipe import Recipe

CHUNK_ROWS = 1024


@dataclass(frozen=True)
class Examples:
    """Tokenised rows. targets: label index of each row, MASKED where there is none to learn from.

    tokens_lost: cut off by the length limit. errors: rows whose text gave no token besides the special ones.
    """

    ids: Sequence[Sequence[int]]
    targets: Sequence[int]
    texts: Sequence[str]
    tokens_total: int
    tokens_lost: int
    errors: int

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(ids) for ids in self.ids]

    @property
    def units(self) -> int:
        """What the errors are counted in: rows."""
        return len(self.ids)

    @property
    def untrainable(self) -> int:
        """Rows without a target."""
        return sum(target == MASKED for target in self.targets)


def prepare(loaded: Loaded, rows: Iterable[Row]) -> Examples:
    """Tokenise rows with the model's own tokenizer, cut at the model's longest input."""
    return tokenise_rows(loaded.tokenizer, list(rows), loaded.max_length, classes=len(loaded.labels))


def tokenise(tokenizer: object, rows: Sequence[Row], recipe: Recipe, labels: Sequence[str]) -> Examples:
    """Tokenise rows as the recipe says, without a model: what the data gate looks at."""
    return tokenise_rows(tokenizer, rows, recipe.train.max_seq_length, len(labels))


def tokenise_rows(tokenizer: object, rows: Sequence[Row], max_length: int, classes: int) -> Examples:
    """Tokenise rows; a label outside 0 … classes-1 can't be learned from and is masked."""
    ids: list[list[int]] = []
    total = lost = errors = 0
    for start in range(0, len(rows), CHUNK_ROWS):
        texts = [row.text for row in rows[start : start + CHUNK_ROWS]]
        whole = tokenizer(texts, truncation=False, verbose=False)["input_ids"]  # type: ignore[operator]
        if max(map(len, whole), default=0) > max_length:
            cut = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]  # type: ignore[operator]
        else:
            cut = whole
        special = len(tokenizer("")["input_ids"])  # type: ignore[operator]
        for full, kept in zip(whole, cut, strict=True):
            total += len(full)
            lost += len(full) - len(kept)
            errors += len(full) <= special
        ids.extend(cut)
    targets = [row.label if 0 <= row.label < classes else MASKED for row in rows]
    return Examples(ids, targets, [row.text for row in rows], total, lost, errors)
