"""The task tag: texts and lists of words to tagged spans, for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from engram.data.rows import TagRow
from engram.errors import UserError
from engram.evaluate.spans import find_spans, scheme_of
from engram.kinds.language.limits import check_lengths, token_counts
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.kinds.language.tag.decode import decode
from engram.kinds.language.tag.examples import tokenise_rows
from engram.kinds.language.tag.predict import score
from engram.kinds.language.tag.split import split
from engram.schema.options import Options


def answer(
    loaded: Loaded, inputs: Sequence[str | Sequence[str]], options: Sequence[Options] | None = None
) -> list[dict[str, Any]]:
    """Answer each input with ``spans``, ``tokens`` (its words) and ``tags`` (one a word).

    An input is a text, parted into words by `split`, or a list of words. A span has ``text``, ``label``, ``start`` and
    ``end``, counted in characters of the text (of the words with a space between them, where words were given), and
    ``score``, the mean probability of its words' tags.

    Raises UserError for an input that is neither; with options UsageError for one that is too long.
    """
    asked = [_words(one) for one in inputs]
    if options is not None:
        check_lengths(token_counts(loaded.tokenizer, [text for text, _ in asked]), options)
    rows = [
        TagRow(number, tuple(text[begin:end] for begin, end in places), (MASKED,) * len(places))
        for number, (text, places) in enumerate(asked)
    ]
    examples = tokenise_rows(loaded.tokenizer, rows, loaded.max_length, loaded.labels)
    logits = score(loaded, examples)
    chances = torch.softmax(torch.from_numpy(logits).double(), dim=-1).numpy()
    guess = decode(logits, examples.offsets, loaded.labels)
    sure = chances[np.arange(len(guess)), guess]
    answers: list[dict[str, Any]] = []
    for row, (begin, end) in zip(rows, pairwise(examples.offsets.tolist()), strict=True):
        tags = [loaded.labels[tag] for tag in guess[begin:end]]
        answers.append({"spans": [], "tokens": list(row.tokens), "tags": tags})
    scheme = scheme_of(loaded.labels)
    if scheme is None:
        return answers  # such tags mark no spans, as parts of speech do
    for number, first, last, kind in zip(*find_spans(guess, examples.offsets, scheme), strict=True):
        (text, places), before = asked[number], examples.offsets[number]
        begin, end = places[first - before][0], places[last - 1 - before][1]
        span = {"text": text[begin:end], "label": scheme.types[kind], "start": begin, "end": end}
        answers[number]["spans"].append({**span, "score": round(float(sure[first:last].mean()), 6)})
    return answers


def _words(given: Any) -> tuple[str, list[tuple[int, int]]]:
    """Return a text and the place of each of its words."""
    if isinstance(given, str):
        return given, split(given)
    if not isinstance(given, list | tuple) or not all(isinstance(word, str) for word in given):
        raise UserError(
            f"An input must be a text or a list of words, and it is {str(given)[:80]!r}.",
            remedy='Give for example "Ana lives in Rome" or ["Ana", "lives", "in", "Rome"].',
        )
    places = []
    begin = 0
    for word in given:
        places.append((begin, begin + len(word)))
        begin += len(word) + 1
    return " ".join(given), places
