"""One conversation as a model reads it, with what it learns of it: what a person looks at before she trains."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from engram.data.rows import ChatRow
from engram.kinds.language.generate.examples import Examples, tokenise_rows, tokenizer_of
from engram.kinds.language.padding import MASKED
from engram.schema.recipe import Recipe

Pieces = list[tuple[str, bool]]


def render(recipe: Recipe, row: ChatRow) -> Pieces:
    """Return a row's first sequence as texts in order, special tokens and all, each with whether it is learned."""
    tokenizer = tokenizer_of(recipe)
    return pieces(tokenizer, tokenise_rows(tokenizer, [row], recipe, ()))


def pieces(tokenizer: Any, examples: Examples) -> Pieces:
    """Return the first sequence's tokens, those next to each other that are learned alike joined to a text.

    Of an encoder-decoder that is what it reads, and then what it writes.
    """
    if not examples.ids:
        return []
    read, wanted = examples.ids[0], examples.targets[0]
    if examples.encoder_decoder:
        marked = [(one, False) for one in read] + [(one, one != MASKED) for one in wanted]
    else:
        # A token is learned where the one before it is to lead to it; to the first, nothing leads.
        marked = list(zip(read, [False, *(one != MASKED for one in wanted)], strict=False))
    return [
        (tokenizer.decode([token for token, _ in together]), learned)
        for learned, together in ((key, list(group)) for key, group in groupby(marked, key=lambda one: one[1]))
    ]
