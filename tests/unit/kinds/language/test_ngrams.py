"""The n-gram baseline: a real distribution, counted from the training rows, and as hard to beat as it can be."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import talking

from engram.kinds.language.generate import ngram
from engram.kinds.language.generate.baselines import baselines, ngram_answers
from engram.kinds.language.generate.examples import Examples, prepare
from engram.kinds.language.generate.model import load
from engram.kinds.language.generate.scoring import predict
from engram.kinds.language.load import Loaded
from engram.schema.recipe import Evaluate

WORDS = 6
TOKEN = st.integers(0, WORDS - 1)
CONTEXT = st.integers(0, WORDS)  # WORDS stands for the start
EVENTS = st.lists(st.tuples(CONTEXT, CONTEXT, TOKEN), max_size=40)
FEW = settings(max_examples=150, deadline=None)


def learn(events: list[tuple[int, int, int]]) -> ngram.Ngram:
    columns = np.array(events, dtype=np.int64).reshape(-1, 3)
    return ngram.learn(columns[:, 0], columns[:, 1], columns[:, 2], WORDS)


def distribution(model: ngram.Ngram, first: int, second: int) -> np.ndarray:
    return np.exp(ngram.log_chances(model, [first] * WORDS, [second] * WORDS, list(range(WORDS))))


def by_hand(events: list[tuple[int, int, int]], first: int, second: int, token: int) -> float:
    """Interpolated Kneser-Ney as the books have it, with dictionaries."""

    def discount(counts: list[int]) -> float:
        once, twice = counts.count(1), counts.count(2)
        return min(0.95, max(0.05, once / (once + 2 * twice))) if once + twice else 0.5

    def level(counts: Counter, context: tuple[int, ...], lower: float, d: float) -> float:
        own = {key: count for key, count in counts.items() if key[:-1] == context}
        total = sum(own.values())
        if not total:
            return lower
        return max(own.get((*context, token), 0) - d, 0.0) / total + d * len(own) / total * lower

    triples = Counter(events)
    pairs = Counter((b, w) for _, b, w in triples)
    singles = Counter((w,) for _, w in pairs)
    found = 1 / WORDS
    for counts, context in ((singles, ()), (pairs, (second,)), (triples, (first, second))):
        found = level(counts, context, found, discount(list(counts.values())))
    return found


@FEW
@given(events=EVENTS, first=CONTEXT, second=CONTEXT)
def test_chances_sum_to_one_and_none_is_zero(events, first, second):
    chances = distribution(learn(events), first, second)
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert (chances > 0).all()


@FEW
@given(events=EVENTS, first=CONTEXT, second=CONTEXT)
def test_chances_are_those_of_the_formula(events, first, second):
    wanted = [by_hand(events, first, second, token) for token in range(WORDS)]
    np.testing.assert_allclose(distribution(learn(events), first, second), wanted, atol=1e-12)


@FEW
@given(events=EVENTS, first=CONTEXT, second=CONTEXT)
def test_the_next_token_is_the_most_probable_of_all(events, first, second):
    model = learn(events)
    chances = distribution(model, first, second)
    assert chances[ngram.next_token(model, first, second)] == pytest.approx(chances.max(), rel=1e-12)


def test_a_vocabulary_as_large_as_models_have_fits_the_keys():
    size = 260_000
    model = ngram.learn(np.array([size, size - 1]), np.array([size, size - 1]), np.array([size - 1, 0]), size)
    assert ngram.next_token(model, size - 1, size - 1) == 0
    assert ngram.next_token(model, size, size) == size - 1


@pytest.fixture(scope="module", params=["causal", "seq2seq"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    save = talking.save_causal if request.param == "causal" else talking.save_seq2seq
    return load(talking.recipe(save(tmp_path_factory.mktemp("base")), metrics=("loss", "bleu")))


def counted(examples: Examples, start: int) -> list[tuple[int, int, int]]:
    """Return the events of the targets, told one by one from prompts and answers."""
    events = []
    for ids, targets in zip(examples.ids, examples.targets, strict=True):
        text = [start, start, *targets] if examples.encoder_decoder else [start, *ids]
        if examples.encoder_decoder:
            events += list(zip(text, text[1:], text[2:], strict=False))
        else:
            events += [(text[i], text[i + 1], target) for i, target in enumerate(targets) if target >= 0]
    return events


def test_it_learns_the_targets_of_the_training_rows_with_what_stands_before_them(loaded):
    train, test = prepare(loaded, talking.chats(30, seed=1)), prepare(loaded, talking.chats(9, seed=2))
    size = len(loaded.tokenizer)
    columns = np.array(counted(train, size), dtype=np.int64)
    model = ngram.learn(columns[:, 0], columns[:, 1], columns[:, 2], size)
    asked = np.array(counted(test, size), dtype=np.int64)
    wanted = -ngram.log_chances(model, asked[:, 0], asked[:, 1], asked[:, 2]).sum()
    found = ngram_answers(loaded, train, test)
    assert found.nll.sum() == pytest.approx(wanted, rel=1e-5)
    assert found.tokens.sum() == len(asked)


def test_baselines_count_the_same_tokens_as_the_model(loaded):
    train, test = prepare(loaded, talking.chats(20, seed=1)), prepare(loaded, talking.chats(6, seed=2, turns=2))
    tuned = predict(loaded, test).answers
    for one in baselines(loaded, train, test).values():
        assert one.references == tuned.references
        np.testing.assert_array_equal(one.tokens, tuned.tokens)
        assert len(one.guesses) == 6


def test_untrained_is_the_model_as_it_is(loaded):
    train, test = prepare(loaded, talking.chats(20, seed=1)), prepare(loaded, talking.chats(6, seed=2))
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    found = baselines(loaded, train, test)["untrained"]
    np.testing.assert_array_equal(found.nll, predict(loaded, test).answers.nll)
    assert all(bool((before[name] == tensor).all()) for name, tensor in loaded.model.state_dict().items())


def test_the_reference_is_whichever_of_both_is_harder_to_beat(loaded, monkeypatch):
    train, test = prepare(loaded, talking.chats(30, seed=1)), prepare(loaded, talking.chats(9, seed=2))
    found = baselines(loaded, train, test)
    assert found["strongest"] is found["ngram"], "a model with random weights knows nothing"
    better = replace(found["untrained"], nll=found["ngram"].nll / 2)
    fake = replace(predict(loaded, test), answers=better)
    monkeypatch.setattr("engram.kinds.language.generate.baselines.predict", lambda *_: fake)
    assert baselines(loaded, train, test)["strongest"] is better


def test_it_learns_nothing_from_the_rows_that_it_answers(loaded):
    train, one = prepare(loaded, talking.chats(20, seed=1)), talking.chats(2, seed=2)
    alone = ngram_answers(loaded, train, prepare(loaded, one[:1]))
    together = ngram_answers(loaded, train, prepare(loaded, one))
    assert alone.nll[0] == together.nll[0]


def test_its_texts_are_its_greedy_continuations_and_end(loaded):
    train, test = prepare(loaded, talking.chats(30, seed=1)), prepare(loaded, talking.chats(4, seed=2))
    texts = ngram_answers(loaded, train, test).guesses
    assert set(texts) <= set(talking.ANSWERS.values())
    brief = replace(loaded, recipe=replace(loaded.recipe, evaluate=Evaluate(("bleu",), max_new_tokens=1)))
    short = ngram_answers(brief, train, test).guesses
    assert all(text.startswith(start) and len(start) < len(text) for text, start in zip(texts, short, strict=True))


def test_without_training_rows_every_token_is_as_likely(loaded):
    test = prepare(loaded, talking.chats(3))
    found = ngram_answers(loaded, prepare(loaded, []), test)
    np.testing.assert_allclose(found.nll / found.tokens, math.log(len(loaded.tokenizer)), rtol=1e-5)
