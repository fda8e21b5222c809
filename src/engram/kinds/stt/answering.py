"""Predictions: of the rows of a part, for their measures, and of what people ask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engram.data import sound
from engram.data.attached import asked_file
from engram.errors import UsageError
from engram.evaluate.predicted import Predicted
from engram.evaluate.text_answers import TextAnswers
from engram.kinds.stt.examples import MASKED, Examples, collate, frames_of, scoring_order
from engram.kinds.stt.hearing import Heard, Progress, hear
from engram.kinds.stt.load import Loaded
from engram.kinds.stt.model import token_logits
from engram.kinds.stt.reading import FRAMES_A_SECOND
from engram.kinds.stt.writing import Writer
from engram.schema.options import Options

MOST_SECONDS = 600  # of one recording that is asked about


def predict(loaded: Loaded, examples: Examples, on_progress: Progress | None = None) -> Predicted:
    """Transcribe every row, in its given order, in fp32.

    The numbers that an export must repeat: the log-probability of each frame's likeliest character, row after row; of
    a model that writes those of the tokens that should have been written, where they fit.
    """
    heard = hear(loaded, examples, on_progress)
    references = tuple((text,) for text in examples.texts)
    numbers = (
        _token_chances(loaded, examples)
        if isinstance(loaded.script, Writer)
        else np.concatenate([one.chances for one in heard] or [np.zeros(0, dtype=np.float32)])
    )
    return Predicted(TextAnswers(references, tuple(one.text for one in heard)), numbers.astype(np.float32))


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Transcribe recordings, each a ``data:`` URL: ``text``, ``seconds``, ``segments`` and, of some models, ``words``.

    Raises UsageError for what is no sound file, and for one that is longer than ten minutes, or than the options allow:
    a model never answers a part of the question.
    """
    reads, samples, seconds = [], [], []
    for place, given in enumerate(inputs):
        content = asked_file(given)
        try:
            length = sound.facts(content)["seconds"]
            _check_length(length, options[place] if options is not None else Options())
            sound.check(content)
        except ValueError as error:
            raise UsageError(f"The input can't be heard: {error}.", remedy=f"Send {sound.KNOWN}.") from None
        reads.append(partial(bytes, content))
        seconds.append(length)
        samples.append(max(1, round(length * loaded.reading.rate)))
    lengths = [min(frames_of(one), loaded.max_length) for one in seconds]
    asked = Examples(reads, [""] * len(reads), [[]] * len(reads), samples, lengths)
    most = min((one.max_new_tokens for one in options or () if one.max_new_tokens is not None), default=None)
    heard = hear(loaded, asked, most_tokens=most, timed=True)
    return [_told(one, length) for one, length in zip(heard, seconds, strict=True)]


def _told(heard: Heard, seconds: float) -> dict[str, Any]:
    words = {} if heard.words is None else {"words": heard.words}
    return {"text": heard.text, "seconds": round(seconds, 2), "segments": heard.segments, **words}


def _check_length(seconds: float, options: Options) -> None:
    most = float(MOST_SECONDS)
    if options.max_input_tokens is not None:
        most = min(most, options.max_input_tokens / FRAMES_A_SECOND)
    if seconds > most:
        raise UsageError(
            f"The recording has {seconds:.2f} s; at most {most:.2f} s are heard here.",
            remedy="Cut it; nothing was left out.",
        )


def _token_chances(loaded: Loaded, examples: Examples) -> NDArray[np.float32]:
    found: dict[int, NDArray[np.float32]] = {}
    with torch.inference_mode():
        for rows in scoring_order(loaded, examples.lengths):
            batch = collate(loaded, examples, rows)
            logits, targets = token_logits(loaded.model, batch).float(), batch["targets"]
            chances = -functional.cross_entropy(logits.transpose(1, 2), targets.clamp(min=0), reduction="none")
            for place, row in enumerate(rows):
                found[row] = chances[place, targets[place] != MASKED].cpu().numpy()
    return np.concatenate([found[row] for row in range(len(found))] or [np.zeros(0, dtype=np.float32)])
