"""Texts to tokens to answers: what is lost is counted, and every answer is the answer to its own row."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from support import tiny

from engram.data.rows import Row
from engram.evaluate.reference import probabilities
from engram.kinds.language.classify.examples import CHUNK_ROWS, prepare
from engram.kinds.language.classify.examples import tokenise_rows as tokenise
from engram.kinds.language.classify.model import answer, baselines, load, loss
from engram.kinds.language.classify.model import score as predict
from engram.kinds.language.examine import token_measures
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED, collate, scoring_batches


@pytest.fixture(scope="module", params=["encoder", "causal"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    save = {"encoder": tiny.save_encoder, "causal": tiny.save_causal}[request.param]
    return load(tiny.recipe(save(tmp_path_factory.mktemp("base"))), tiny.LABELS)


def rows(*texts: str, label: int = 0) -> list[Row]:
    return [Row(number, text, label) for number, text in enumerate(texts)]


def plain(number: int, seed: int) -> str:
    """Return a text of two words of the class `number % 3` and nothing else."""
    words = tiny.WORDS[tiny.LABELS[number % 3]]
    return " ".join(random.Random(1000 * seed + number).sample(words, 2))


def test_lost_tokens_are_counted_to_the_token(loaded):
    words = ["parcel"] * 9
    whole = tokenise(loaded.tokenizer, rows(" ".join(words), "late"), 60, 3)
    assert (whole.tokens_lost, whole.tokens_total) == (0, sum(whole.lengths))
    cut = tokenise(loaded.tokenizer, rows(" ".join(words), "late"), 4, 3)
    assert cut.tokens_total == whole.tokens_total
    assert max(cut.lengths) == 4
    assert cut.tokens_lost == sum(length - min(length, 4) for length in whole.lengths) > 0
    assert token_measures([cut])["lost_tokens_rate"] == cut.tokens_lost / whole.tokens_total


def test_a_text_without_a_token_is_an_error_and_still_gets_an_answer(loaded):
    examples = tokenise(loaded.tokenizer, rows("", "late", "   ", ""), 32, 3)
    empty = 3 if len(loaded.tokenizer("   ")["input_ids"]) <= len(loaded.tokenizer("")["input_ids"]) else 2
    assert examples.errors == empty
    assert token_measures([examples])["tokenisation_error_rate"] == empty / 4
    assert np.isfinite(predict(loaded, examples)).all()


def test_a_label_that_is_none_of_the_classes_is_masked_and_counted(loaded):
    examples = tokenise(loaded.tokenizer, [Row(0, "a", 2), Row(1, "b", 3), Row(2, "c", -1), Row(3, "d", 0)], 32, 3)
    assert examples.targets == [2, MASKED, MASKED, 0]
    assert token_measures([examples])["untrainable_rows"] == 2
    total, count = loss(loaded.model, collate(loaded, examples, [1, 2]))
    assert (float(total), count) == (0.0, 0)
    assert loss(loaded.model, collate(loaded, examples, [0, 1, 3]))[1] == 2


def test_more_rows_than_one_chunk_are_tokenised_alike(loaded):
    many = tiny.sentences(CHUNK_ROWS + 5)
    together = tokenise(loaded.tokenizer, many, 32, 3)
    last = tokenise(loaded.tokenizer, many[-5:], 32, 3)
    assert together.ids[-5:] == last.ids
    assert len(together.ids) == CHUNK_ROWS + 5


def test_no_rows_are_no_error(loaded):
    nothing = tokenise(loaded.tokenizer, [], 32, 3)
    assert token_measures([nothing]) == {
        "tokenisation_error_rate": 0.0,
        "lost_tokens_rate": 0.0,
        "untrainable_rows": 0.0,
    }
    assert predict(loaded, nothing).shape == (0, 3)
    assert answer(loaded, []) == []


def test_predictions_come_in_the_order_of_the_rows(loaded):
    examples = prepare(loaded, tiny.sentences(30, seed=3))
    assert examples.lengths != sorted(examples.lengths, reverse=True)
    said = []
    together = predict(loaded, examples, on_progress=lambda done, total: said.append((done, total)))
    for row in range(30):
        alone = prepare(loaded, [tiny.sentences(30, seed=3)[row]])
        np.testing.assert_allclose(predict(loaded, alone)[0], together[row], atol=1e-5)
    assert said[-1] == (30, 30)


def test_predicting_draws_no_dropout(loaded):
    loaded.model.train()
    examples = prepare(loaded, tiny.sentences(6))
    np.testing.assert_array_equal(predict(loaded, examples), predict(loaded, examples))


def test_every_row_is_scored_once(loaded):
    examples = prepare(loaded, tiny.sentences(30, seed=3))
    assert sum(len(batch["targets"]) for batch in scoring_batches(loaded, examples)) == 30


def test_an_answer_names_its_label_and_probabilities_that_sum_to_one(loaded):
    texts = ["my parcel was late", "", "thanks, lovely"]
    answers = answer(loaded, texts)
    logits = predict(loaded, tokenise(loaded.tokenizer, rows(*texts), loaded.max_length, 3))
    for one, row in zip(answers, logits, strict=True):
        chances = list(one["probabilities"].values())
        assert set(one["probabilities"]) == set(tiny.LABELS)
        assert sum(chances) == pytest.approx(1.0, abs=1e-5)
        assert chances == sorted(chances, reverse=True)
        assert one["label"] == next(iter(one["probabilities"])) == tiny.LABELS[int(row.argmax())]


def test_probabilities_bear_large_logits():
    found = probabilities(np.array([[1e4, 0.0], [-1e4, -1e4]], dtype=np.float32))
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.5, 0.5]])


def test_the_majority_answers_the_commonest_label_of_the_training_rows(loaded):
    train = tokenise(loaded.tokenizer, [Row(i, "late", label) for i, label in enumerate([1, 1, 1, 0, 2])], 32, 3)
    test = prepare(loaded, tiny.sentences(6))
    found = baselines(loaded, train, test)["majority"]
    assert found.guess.tolist() == [1] * 6
    assert found.truth.tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_allclose(found.probabilities, [[0.2, 0.6, 0.2]] * 6)


def test_the_linear_probe_learns_what_can_be_separated_from_training_rows_alone(loaded):
    own, other = ([Row(i, plain(i, seed), i % 3) for i in range(count)] for count, seed in ((150, 1), (60, 2)))
    train, test = prepare(loaded, own), prepare(loaded, other)
    said = []
    found = baselines(loaded, train, test, on_progress=lambda done, total: said.append((done, total)))
    probe, majority = found["linear_probe"], found["majority"]
    assert (probe.guess == probe.truth).mean() > 0.8
    assert (majority.guess == majority.truth).mean() < 0.4
    np.testing.assert_allclose(probe.probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert said[-1] == (210, 210)
    swapped = tokenise(loaded.tokenizer, [Row(r.id, r.text, (r.label + 1) % 3) for r in other], 32, 3)
    again = baselines(loaded, train, swapped)["linear_probe"]
    np.testing.assert_array_equal(again.guess, probe.guess)


def test_the_probe_gives_no_chance_to_a_label_it_never_saw(loaded):
    train = prepare(loaded, [row for row in tiny.sentences(90, seed=1) if row.label != 1])
    found = baselines(loaded, train, prepare(loaded, tiny.sentences(9)))["linear_probe"]
    assert (found.probabilities[:, 1] == 0).all()


def test_baselines_leave_the_model_as_it_was(loaded):
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    baselines(loaded, prepare(loaded, tiny.sentences(30)), prepare(loaded, tiny.sentences(6)))
    assert all(torch.equal(before[name], tensor) for name, tensor in loaded.model.state_dict().items())
