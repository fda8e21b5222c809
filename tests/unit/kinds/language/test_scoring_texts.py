"""How surprised a model is by the right texts: what its own logits say, row by row, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import talking

from engram.kinds.language.generate import batches
from engram.kinds.language.generate.batches import collate, scoring_batches
from engram.kinds.language.generate.examples import Examples, prepare
from engram.kinds.language.generate.model import load
from engram.kinds.language.generate.scoring import log_probabilities, predict, wants_texts
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED
from engram.train.token_loss import token_loss as loss

TURNS = 2


@pytest.fixture(scope="module", params=["causal", "forgetful", "seq2seq"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, Examples]:
    folder = tmp_path_factory.mktemp("base")
    if request.param == "seq2seq":
        talking.save_seq2seq(folder)
    else:
        talking.save_causal(folder, talking.FORGETFUL if request.param == "forgetful" else None)
    loaded = load(talking.recipe(folder, max_seq_length=200, metrics=("loss",)))
    return loaded, prepare(loaded, [*talking.chats(11, seed=5), *talking.chats(4, seed=6, turns=TURNS)])


def by_hand(loaded: Loaded, examples: Examples, number: int) -> list[float]:
    """Return the log-probabilities of one sequence's targets, from one pass of its own in fp64."""
    inner = loaded.model.get_base_model()
    ids, targets = examples.ids[number], examples.targets[number]
    with torch.no_grad():
        if examples.encoder_decoder:
            read = [inner.config.decoder_start_token_id, *targets[:-1]]
            logits = inner(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([read])).logits[0]
        else:
            logits = inner(input_ids=torch.tensor([ids])).logits[0]
    chances = logits.double().log_softmax(-1)
    return [float(chances[place, target]) for place, target in enumerate(targets) if target != MASKED]


def test_the_likelihoods_are_the_models_own_in_the_order_of_the_rows(model):
    loaded, examples = model
    assert examples.lengths != sorted(examples.lengths, reverse=True)
    said = []
    predicted = predict(loaded, examples, lambda done, total: said.append((done, total)))
    wanted = [by_hand(loaded, examples, number) for number in range(len(examples.ids))]
    np.testing.assert_allclose(predicted.logits, np.concatenate(wanted), atol=1e-4)
    assert predicted.logits.dtype == np.float32
    answers = predicted.answers
    for row in range(len(examples.references)):
        own = [one for one, owner in zip(wanted, examples.owners, strict=True) if owner == row]
        assert answers.nll[row] == pytest.approx(-sum(map(sum, own)), abs=1e-3)
        assert answers.tokens[row] == sum(map(len, own))
    assert answers.references == tuple((text,) for text in examples.references)
    assert said[-1] == (len(examples.ids), len(examples.ids))


def test_a_row_alone_is_scored_as_among_others(model, monkeypatch):
    loaded, examples = model
    together = log_probabilities(loaded, examples)
    monkeypatch.setattr(batches, "scoring_tokens", lambda loaded: 1)
    for one, alone in zip(together, log_probabilities(loaded, examples), strict=True):
        np.testing.assert_allclose(one, alone, atol=1e-5)


def test_the_loss_is_the_sum_of_what_the_rows_cost(model):
    loaded, examples = model
    loaded.model.eval()
    with torch.no_grad():
        found = [loss(loaded.model, batch) for batch in scoring_batches(loaded, examples)]
    predicted = predict(loaded, examples)
    assert sum(count for _, count in found) == predicted.answers.tokens.sum() == len(predicted.logits)
    assert sum(float(total) for total, _ in found) == pytest.approx(predicted.answers.nll.sum(), rel=1e-5)


def test_the_prompts_own_tokens_are_no_targets(model):
    """Another last prompt token changes what is read; as something to be predicted it is never asked for."""
    loaded, examples = model
    if examples.encoder_decoder:
        pytest.skip("what an encoder reads is never predicted")
    batch = collate(loaded, examples, [0])
    first = next(place for place, target in enumerate(examples.targets[0]) if target != MASKED)
    logits = loaded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    logits.retain_grad()
    picked = batch["targets"] != MASKED
    torch.nn.functional.cross_entropy(logits[picked], batch["targets"][picked], reduction="sum").backward()
    touched = logits.grad.abs().sum(-1)[0] > 0
    assert touched.tolist() == picked[0].tolist()
    assert not touched[:first].any()
    assert touched[first:].any()


def test_texts_are_written_only_where_a_metric_needs_them(model, tmp_path):
    loaded, examples = model
    assert predict(loaded, examples).answers.guesses is None
    for metrics, wanted in ((("loss", "perplexity"), False), (("loss", "bleu"), True), (("exact_match",), True)):
        assert wants_texts(talking.recipe(tmp_path, metrics=metrics)) is wanted
    assert wants_texts(talking.recipe(tmp_path)) is False, "the card's own measures are told from likelihoods"


def test_with_texts_there_is_one_for_each_row(model):
    loaded, examples = model
    from dataclasses import replace

    asked = replace(loaded, recipe=talking.recipe("x", metrics=("bleu",)))
    said = []
    answers = predict(asked, examples, lambda done, total: said.append((done, total))).answers
    assert len(answers.guesses) == len(examples.references)
    assert said[-1] == (len(examples.ids) + len(examples.references),) * 2
    np.testing.assert_array_equal(answers.nll, predict(loaded, examples).answers.nll)


def test_no_rows_give_no_numbers(model):
    loaded, _ = model
    predicted = predict(loaded, prepare(loaded, []))
    assert predicted.logits.shape == (0,)
    assert predicted.answers.references == ()


def test_a_large_vocabulary_makes_small_batches(model, monkeypatch):
    loaded, examples = model
    monkeypatch.setattr(batches, "SCORING_LOGITS", 2**15)
    widest = max(batch["input_ids"].numel() for batch in scoring_batches(loaded, examples))
    assert widest <= max(2**15 // len(loaded.tokenizer), max(examples.lengths))


@pytest.mark.parametrize("save", [talking.save_causal, talking.save_seq2seq], ids=["causal", "seq2seq"])
def test_packed_rows_cost_what_padded_rows_cost(tmp_path, save):
    rows = [*talking.chats(9, seed=5), *talking.chats(3, seed=6, turns=TURNS), *talking.plain_texts(2)]
    loaded = load(talking.recipe(save(tmp_path), packing=True))
    examples = prepare(loaded, rows)
    chosen = list(range(len(examples.ids)))
    loaded.model.eval()
    packed, padded = collate(loaded, examples, chosen), batches.pad(loaded, examples, chosen)
    assert packed["input_ids"].shape == (1, sum(map(len, examples.ids)))
    assert padded["input_ids"].shape[0] == len(chosen)
    found = [loss(loaded.model, batch) for batch in (packed, padded)]
    assert found[0][1] == found[1][1] > 0
    assert float(found[0][0]) == pytest.approx(float(found[1][0]), rel=1e-5)
    assert all("position_ids" not in batch for batch in scoring_batches(loaded, examples)), "scoring pads"
