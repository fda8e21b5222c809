"""What the data gate asks of texts: how many tokens are lost, how many texts gave none, how many rows teach nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engram.kinds.language.load import tokenizer_of
from engram.schema.recipe import Recipe

Tokenise = Callable[[Any, Sequence[Any], Recipe, Sequence[str]], Any]


def examining(
    tokenise: Tokenise, tokenizer_of: Callable[[Recipe], Any] = tokenizer_of
) -> Callable[[Recipe, Iterable[Sequence[Any]], Sequence[str]], dict[str, float]]:
    """Return the function that tokenises the parts of a split, without a model, and says what the data gate asks."""

    def examine(recipe: Recipe, parts: Iterable[Sequence[Any]], labels: Sequence[str]) -> dict[str, float]:
        """Return what is lost when the rows of all parts become tokens."""
        tokenizer = tokenizer_of(recipe)
        return token_measures([tokenise(tokenizer, rows, recipe, labels) for rows in parts])

    return examine


def token_measures(parts: Sequence[Any]) -> dict[str, float]:
    """Return what the data gate asks of tokenised parts."""
    return {
        "tokenisation_error_rate": sum(part.errors for part in parts) / max(1, sum(part.units for part in parts)),
        "lost_tokens_rate": sum(part.tokens_lost for part in parts) / max(1, sum(part.tokens_total for part in parts)),
        "untrainable_rows": float(sum(part.untrainable for part in parts)),
    }
