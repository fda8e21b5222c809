"""Where an answer ends, and what is heard of it while it is written: one rule for each row, alone or among others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engram.kinds.language.generate.voice import Voice
from engram.schema.options import Options

UNFINISHED = "\ufffd"  # what a tokenizer writes for the first bytes of a character


@dataclass(frozen=True)
class Read:
    """What some tokens say. text: without the stop text; tokens: how many of them count; ended: by a stop text."""

    text: str
    tokens: int
    ended: bool


def read_until(voice: Voice, tokens: Sequence[int], stop: Sequence[str]) -> Read:
    """Return the text of an answer's tokens up to its first stop text, and by how many tokens that was reached."""
    text = voice.read(tokens)
    if not _place(text, stop)[1]:
        return Read(text, len(tokens), False)
    needed = next(count for count in range(1, len(tokens) + 1) if _place(voice.read(tokens[:count]), stop)[1])
    text = voice.read(tokens[:needed])
    return Read(text[: _place(text, stop)[0]], needed, True)


class Ear:
    """Hands one answer on as it grows; only text that can't change any more is handed on."""

    def __init__(self, voice: Voice, options: Options) -> None:
        self._voice, self._options, self._said = voice, options, ""
        self._held = max([len(voice.lead), len(voice.trail), *map(len, options.stop), 0])
        self.listens = True

    def hear(self, tokens: Sequence[int]) -> None:
        """Take all tokens of the answer so far."""
        text = self._voice.read(tokens).rstrip(UNFINISHED)
        end, ended = _place(text, self._options.stop)
        sure = text[: end if ended else max(0, len(text) - self._held)]
        if len(sure) > len(self._said) and sure.startswith(self._said):
            self._say(sure)

    def close(self, text: str) -> None:
        """Take the whole answer; what was not said of it yet is said now."""
        if len(text) > len(self._said):
            self._say(text)

    def _say(self, text: str) -> None:
        piece, self._said = text[len(self._said) :], text
        if self.listens and self._options.on_text is not None:
            self.listens = self._options.on_text(piece)


class Until:
    """Tells a model which rows of a batch have ended, after each token; transformers calls it a stopping criterion.

    most: the most tokens of each row. skip: how many tokens of a row stand before its answer.
    """

    def __init__(
        self, voice: Voice, options: Sequence[Options], most: Sequence[int], stops: Sequence[int], skip: int
    ) -> None:
        self._voice, self._options, self._most, self._stops, self._skip = voice, options, most, set(stops), skip
        self.ears = [Ear(voice, one) if one.on_text else None for one in options]
        self._done = [False] * len(options)

    def __call__(self, input_ids: torch.Tensor, scores: object = None, **more: object) -> torch.Tensor:
        """Return for each row whether it has ended."""
        for row, tokens in enumerate(input_ids[:, self._skip :].tolist()):
            self._done[row] = self._done[row] or self._ended(row, tokens)
        return torch.tensor(self._done, dtype=torch.bool, device=input_ids.device)

    def _ended(self, row: int, tokens: list[int]) -> bool:
        if tokens and tokens[-1] in self._stops:
            return True
        ear, options = self.ears[row], self._options[row]
        if ear is not None:
            ear.hear(tokens)
        stopped = bool(options.stop) and _place(self._voice.read(tokens), options.stop)[1]
        return stopped or len(tokens) >= self._most[row] or (ear is not None and not ear.listens)


def _place(text: str, stop: Sequence[str]) -> tuple[int, bool]:
    """Return where the first stop text begins, and whether there is one."""
    places = [place for one in stop if (place := text.find(one)) >= 0]
    return (min(places), True) if places else (len(text), False)
