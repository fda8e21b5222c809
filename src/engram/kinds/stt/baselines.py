"""Reference baselines: the commonest transcript, silence, and what the model wrote before it was tuned."""

from __future__ import annotations

from collections import Counter

from engram.evaluate import wer
from engram.evaluate.spoken import normalised
from engram.evaluate.text_answers import TextAnswers
from engram.kinds.stt.answering import predict
from engram.kinds.stt.examples import Examples
from engram.kinds.stt.hearing import Progress
from engram.kinds.stt.load import Loaded


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: Progress | None = None
) -> dict[str, TextAnswers]:
    """Answer the test rows by the reference baselines; they learn from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    majority: the commonest transcript of the training rows. silence: nothing, for every row. untouched: the base model
    as it is published; of one with a new head, chance. strongest: the one of them with the fewest wrong words on these
    rows, so to gain over it is to gain over all.
    """
    untouched: TextAnswers = predict(loaded, test, on_progress).answers
    common = Counter(normalised(text) for text in train.texts).most_common(1)
    found = {
        "majority": _always(test, common[0][0] if common else ""),
        "silence": _always(test, ""),
        "untouched": untouched,
    }
    return {**found, "strongest": min(found.values(), key=wer.compute)}


def _always(test: Examples, text: str) -> TextAnswers:
    return TextAnswers(tuple((one,) for one in test.texts), (text,) * len(test.texts))
