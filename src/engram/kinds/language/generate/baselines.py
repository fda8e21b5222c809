"""Reference baselines of the task generate: the model as it was, an n-gram model, and the stronger of the two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.text_answers import TextAnswers
from engram.kinds.language.generate import ngram
from engram.kinds.language.generate.answers import text_answers
from engram.kinds.language.generate.examples import Examples, voice_of
from engram.kinds.language.generate.scoring import Progress, predict, wants_texts
from engram.kinds.language.generate.voice import Voice
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.schema.recipe import Evaluate


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: Progress | None = None
) -> dict[str, TextAnswers]:
    """Answer the test rows by the reference baselines; the n-gram model learns from the training rows alone.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    untrained: the base model with the same template. ngram: a model of the same target tokens, with the two tokens
    before each, of the prompt too where a decoder reads it. strongest: the one of both with the lower loss on these
    rows, whichever that is for this base and these data; so to gain over it is to gain over both.
    """
    untrained: TextAnswers = predict(loaded, test, on_progress).answers
    counted = ngram_answers(loaded, train, test)
    strongest = min((counted, untrained), key=_loss)
    return {"untrained": untrained, "ngram": counted, "strongest": strongest}


def ngram_answers(loaded: Loaded, train: Examples, test: Examples) -> TextAnswers:
    """Learn an n-gram model from the targets of some rows, and answer others by it."""
    vocabulary = len(loaded.tokenizer)
    events = [_events(train, number, vocabulary) for number in range(len(train.ids))]
    first, second, token = (_joined([one[part] for one in events]) for part in range(3))
    learned = ngram.learn(first, second, token, vocabulary)
    asked = [_events(test, number, vocabulary) for number in range(len(test.ids))]
    chances = [ngram.log_chances(learned, *one).astype(np.float32) for one in asked]
    texts = None
    if wants_texts(loaded.recipe):
        voice, most = voice_of(loaded), (loaded.recipe.evaluate if loaded.recipe else Evaluate()).max_new_tokens
        memory: dict[tuple[int, int], int] = {}
        texts = [_go_on(learned, voice, prompt, most, memory) for prompt in test.prompts]
    return text_answers(test, chances, texts)


def _events(examples: Examples, number: int, start: int) -> tuple[NDArray[np.int64], ...]:
    """Return for each target of a sequence the two tokens before it, and it."""
    targets = np.asarray(examples.targets[number], dtype=np.int64)
    read = [start, *examples.targets[number][:-1]] if examples.encoder_decoder else examples.ids[number]
    second = np.asarray(read, dtype=np.int64)[: len(targets)]
    first = np.concatenate([[start], second[:-1]]).astype(np.int64)[: len(targets)]
    wanted = targets != MASKED
    return first[wanted], second[wanted], targets[wanted]


def _joined(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _go_on(
    model: ngram.Ngram, voice: Voice, prompt: Sequence[int], most: int, memory: dict[tuple[int, int], int]
) -> str:
    """Return the greedy continuation of a prompt; `memory` keeps what follows what."""
    before = [model.start, model.start, *([] if voice.encoder_decoder else prompt)][-2:]
    own: list[int] = []
    while len(own) < most:
        pair = (before[0], before[1])
        if pair not in memory:
            memory[pair] = ngram.next_token(model, *pair)
        if memory[pair] in (voice.stop, voice.end):
            break
        own.append(memory[pair])
        before = [pair[1], memory[pair]]
    return voice.read(own)


def _loss(answers: TextAnswers) -> float:
    if answers.nll is None or answers.tokens is None:
        return float("inf")
    return float(answers.nll.sum() / max(1, answers.tokens.sum()))
