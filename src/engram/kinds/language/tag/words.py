"""Words to sub-words, for any tokenizer that knows which word a token came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engram.errors import UserError

_PROBE = ("The", "parcel", "from", "Rome", "was", "late", "again", "today", ".")


@dataclass(frozen=True)
class Pieces:
    """One row as tokens. before, after: the special tokens around it. first: word → its first token.

    Words that gave no token stand in `first` as -1.
    """

    before: Sequence[int]
    ids: Sequence[int]
    after: Sequence[int]
    first: Sequence[int]


def split_words(tokenizer: Any, rows: Sequence[Sequence[str]]) -> list[Pieces]:
    """Return the sub-words of each row's words, uncut; every token belongs to one word.

    Raises UserError for a tokenizer that can't tell which word a token came from.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(
            f"The tokenizer {type(tokenizer).__name__} can't tell which word a token came from, and tags need that.",
            remedy="Choose a model whose folder holds a tokenizer.json.",
        )
    if not rows:
        return []
    asked = [spaced(row) for row in rows] if wants_spaces(tokenizer) else [list(row) for row in rows]
    found = tokenizer(asked, is_split_into_words=True, truncation=False, verbose=False)
    return [_pieces(ids, found.word_ids(i), len(rows[i])) for i, ids in enumerate(found["input_ids"])]


def wants_spaces(tokenizer: Any) -> bool:
    """Tell whether words must carry the space before them to become the tokens that running text becomes.

    Byte-level tokenizers (GPT-2, Qwen2, Llama 3) write it into the token; those of BERT and T5 put it there themselves.
    """
    text = Counter(tokenizer(" ".join(_PROBE), verbose=False)["input_ids"])
    plain, with_spaces = (
        (Counter(tokenizer(words, is_split_into_words=True, verbose=False)["input_ids"]) & text).total()
        for words in (list(_PROBE), spaced(_PROBE))
    )
    return with_spaces > plain


def spaced(words: Sequence[str]) -> list[str]:
    """Return the words with a space before each but the first.

    >>> spaced(["in", "Rome"])
    ['in', ' Rome']
    """
    return [word if at == 0 else f" {word}" for at, word in enumerate(words)]


def _pieces(ids: Sequence[int], word_ids: Sequence[int | None], words: int) -> Pieces:
    inside = [place for place, word in enumerate(word_ids) if word is not None]
    begin, end = (inside[0], inside[-1] + 1) if inside else (len(ids), len(ids))
    first = [-1] * words
    for place in reversed(inside):
        word = word_ids[place]
        if word is not None:
            first[word] = place - begin
    return Pieces(ids[:begin], ids[begin:end], ids[end:], first)
