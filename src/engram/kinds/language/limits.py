"""Inputs that are too long are refused in words: a model that is asked never answers a part of the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engram.errors import UsageError
from engram.schema.options import Options


def check_lengths(counts: Sequence[int], options: Sequence[Options], room: int | None = None) -> None:
    """Refuse inputs of more tokens than their options, or the model's room, allow.

    counts: tokens of each input. room: the most that the model reads, None where it reads on in windows.

    Raises UsageError for the first one.

    >>> check_lengths([3], [Options(max_input_tokens=2)])
    Traceback (most recent call last):
    engram.errors.UsageError: The input has 3 tokens; at most 2 are read here. Shorten it; nothing was cut.
    """
    for count, one in zip(counts, options, strict=True):
        most = min((limit for limit in (one.max_input_tokens, room) if limit is not None), default=count)
        if count > most:
            raise UsageError(
                f"The input has {count} tokens; at most {most} are read here.", remedy="Shorten it; nothing was cut."
            )


def token_counts(tokenizer: Any, texts: Sequence[Any]) -> list[int]:
    """Return how many tokens each text has; what is no text has none, and its task says so."""
    known = [text if isinstance(text, str) else "" for text in texts]
    return [len(ids) for ids in tokenizer(known, truncation=False, verbose=False)["input_ids"]] if known else []
