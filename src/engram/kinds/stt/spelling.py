"""Texts as characters of a model that spells (CTC, Graves et al. 2006), and frames as texts again."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engram.errors import UserError


@dataclass(frozen=True)
class Speller:
    """The characters of a model. ids: character → its number; blank: the number that says nothing; space: the one
    between words.
    """

    ids: dict[str, int]
    blank: int
    space: int

    def spell(self, text: str) -> tuple[list[int], int]:
        """Return the numbers of a text's characters, and how many letters and digits the model has none for.

        A letter stands in the case that the model has; other characters that it lacks part words and are no loss.

        >>> Speller({"A": 1, "B": 2, "É": 3}, 0, 4).spell("Ab – bé? ç")
        ([1, 2, 4, 2, 3], 1)
        """
        numbers: list[int] = []
        lost = 0
        for one in unicodedata.normalize("NFKC", text):
            number = next((self.ids[way] for way in (one, one.upper(), one.lower()) if way in self.ids), None)
            if number is not None:
                numbers.append(number)
                continue
            lost += one.isalnum()
            if numbers and numbers[-1] != self.space and one != "'":
                numbers.append(self.space)
        while numbers and numbers[-1] == self.space:
            numbers.pop()
        return numbers, lost

    def needs(self, numbers: Sequence[int]) -> int:
        """Return the fewest frames in which characters can be spelt: equal neighbours need a blank between them.

        >>> Speller({}, 0, 1).needs([5, 5, 6])
        4
        """
        return len(numbers) + sum(one == other for one, other in pairwise(numbers))

    def words(self, frames: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return the words that the likeliest character of each frame spells, with first frame and the one behind it.

        >>> Speller({"a": 1, "b": 2}, 0, 3).words([0, 1, 1, 0, 1, 3, 3, 2, 0])
        [('aa', 1, 5), ('b', 7, 8)]
        """
        letters = {number: letter for letter, number in self.ids.items()}
        found: list[tuple[str, int, int]] = []
        word, begin, end, before = "", 0, 0, self.blank
        for place, number in enumerate(frames):
            if number in letters:
                if number != before:
                    begin = begin if word else place
                    word += letters[number]
                end = place + 1
            elif number == self.space and word:
                found.append((word, begin, end))
                word = ""
            before = number
        return [*found, (word, begin, end)] if word else found


def speller_of(tokenizer: Any) -> Speller:
    """Return the characters of a tokenizer.

    Raises UserError for one that holds no single characters, or no blank.
    """
    space = getattr(tokenizer, "word_delimiter_token_id", None)
    blank = tokenizer.pad_token_id
    if space is None or blank is None:
        raise UserError(
            f"A {type(tokenizer).__name__} spells no single characters.",
            remedy="Choose a CTC model with a vocabulary of characters, as facebook/wav2vec2-base-960h.",
        )
    special = {*tokenizer.all_special_ids, space, blank}
    ids = {one: number for one, number in tokenizer.get_vocab().items() if len(one) == 1 and number not in special}
    return Speller(ids, int(blank), int(space))
