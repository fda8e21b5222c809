"""More training rows: changed copies of those that are there. Rows of valid and test are never touched."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engram.config.bounds import SHARE, Bound
from engram.data.rows import AnchorRow, AnyRow, ChatRow, Message, PreferenceRow, Row, ScoredRow, TagRow
from engram.prep.noise import Rates, noisy_text, noisy_words
from engram.prep.step import Step

OUTSIDE = "O"


@dataclass(frozen=True)
class Options:
    """How many copies of each training row are made, and what happens to a word in them.

    copies: changed copies of each row; one that came out unchanged, or twice, is not added.
    delete: how likely a word is left out.
    swap: how likely a word changes places with the next one.
    case: how likely a word is written in another case.
    typo: how likely a word gets a slip: two letters swapped, one missing or one typed twice.
    """

    copies: int = 1
    delete: float = 0.1
    swap: float = 0.1
    case: float = 0.0
    typo: float = 0.02


def augment(rows: Iterable[AnyRow], options: Options, seed: int, labels: Sequence[str]) -> Iterator[AnyRow]:
    """Yield each row and after it its changed copies, under the same id and with the same label, tags or answer.

    What changes is what a model is asked: a text, the words of a sentence, the messages of the user, an anchor. Of a
    sentence with tags only words outside spans (tag ``O``) are left out or swapped, so every span stays whole.
    The noise depends on the seed, the row's id and the copy's number alone.

    >>> [row.text for row in augment([Row(0, "well done", 1)], Options(swap=1.0, delete=0.0, typo=0.0), 7, ())]
    ['well done', 'done well']
    """
    rates = Rates(options.delete, options.swap, options.case, options.typo)
    outside = labels.index(OUTSIDE) if OUTSIDE in labels else None
    for row in rows:
        seen = [row]
        for number in range(options.copies):
            copy = _changed(row, rates, random.Random(f"augment {seed} {row.id} {number}"), outside)  # noqa: S311
            if copy not in seen:
                seen.append(copy)
        yield from seen


def _changed(row: Any, rates: Rates, draw: random.Random, outside: int | None) -> Any:
    if isinstance(row, Row):
        return replace(row, text=noisy_text(row.text, rates, draw))
    if isinstance(row, TagRow):
        found = noisy_words(row.tokens, [tag == outside for tag in row.tags], rates, draw)
        tags = tuple(row.tags[place] for place, _ in found)
        return replace(row, tokens=tuple(word for _, word in found), tags=tags)
    if isinstance(row, ChatRow):
        return replace(row, messages=(*_asked(row.prompt, rates, draw), row.messages[-1]))
    if isinstance(row, PreferenceRow):
        return replace(row, messages=_asked(row.messages, rates, draw))
    if isinstance(row, AnchorRow):
        return replace(row, anchor=noisy_text(row.anchor, rates, draw))
    if isinstance(row, ScoredRow):
        return replace(row, sentence1=noisy_text(row.sentence1, rates, draw))
    return row


def _asked(messages: Sequence[Message], rates: Rates, draw: random.Random) -> tuple[Message, ...]:
    return tuple(
        {**one, "content": noisy_text(one["content"], rates, draw)} if one["role"] == "user" else one
        for one in messages
    )


BOUNDS = {"copies": Bound(1, 100), **dict.fromkeys(("delete", "swap", "case", "typo"), SHARE)}
STEP = Step("augment", "1", augment, on="training rows", options=Options, bounds=BOUNDS)
