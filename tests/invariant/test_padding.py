"""Batches by length = batches in order: no row's loss or answer depends on the rows beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support import tiny

from engram.kinds.language.classify.examples import Examples, prepare
from engram.kinds.language.classify.model import load, loss
from engram.kinds.language.classify.model import score as predict
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import collate, scoring_batches
from engram.schema.recipe import Train
from engram.train.batches import plan_epoch

SAVE = {"encoder": tiny.save_encoder, "causal": tiny.save_causal, "causal with its own padding": None}


@pytest.fixture(scope="module", params=SAVE)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, Examples]:
    folder = tmp_path_factory.mktemp("base")
    if SAVE[request.param] is None:  # the config names a padding token that the tokenizer does not pad with
        tiny.save_causal(folder, pad_token_id=5)
    else:
        SAVE[request.param](folder)
    loaded = load(tiny.recipe(folder), tiny.LABELS)
    loaded.model.eval()
    return loaded, prepare(loaded, tiny.sentences(37, seed=5))


def losses(loaded: Loaded, examples: Examples, batches: list[list[int]]) -> np.ndarray:
    """Return each row's own loss, computed in the given batches."""
    found = np.full(len(examples.ids), np.nan)
    with torch.no_grad():
        for rows in batches:
            batch = collate(loaded, examples, rows)
            logits = loaded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            found[rows] = torch.nn.functional.cross_entropy(logits, batch["targets"], reduction="none").numpy()
    return found


def test_the_loss_of_a_row_is_the_same_in_any_batch(model):
    loaded, examples = model
    assert len(set(examples.lengths)) > 5
    alone = losses(loaded, examples, [[row] for row in range(37)])
    in_order = losses(loaded, examples, [list(range(i, min(i + 8, 37))) for i in range(0, 37, 8)])
    options = Train(per_device_train_batch_size=8, group_by_length=True)
    by_length = losses(loaded, examples, [rows for step in plan_epoch(examples.lengths, options, 0) for rows in step])
    assert np.isfinite(by_length).all()
    np.testing.assert_allclose(in_order, alone, atol=1e-5, rtol=0)
    np.testing.assert_allclose(by_length, alone, atol=1e-5, rtol=0)


def test_the_summed_loss_is_the_sum_of_the_rows_own_losses(model):
    loaded, examples = model
    with torch.no_grad():
        totals = [loss(loaded.model, batch) for batch in scoring_batches(loaded, examples)]
    alone = losses(loaded, examples, [[row] for row in range(37)])
    assert sum(count for _, count in totals) == 37
    assert float(sum(total for total, _ in totals)) == pytest.approx(alone.sum(), abs=1e-4)


def test_the_side_that_a_tokenizer_pads_on_is_no_matter(model):
    loaded, examples = model
    before = predict(loaded, examples)
    side = loaded.tokenizer.padding_side
    loaded.tokenizer.padding_side = "left" if side == "right" else "right"
    try:
        np.testing.assert_array_equal(predict(loaded, examples), before)
    finally:
        loaded.tokenizer.padding_side = side


@pytest.mark.parametrize("config", [{}, {"pad_token_id": 5}], ids=["no padding token", "another padding token"])
def test_a_causal_model_answers_from_the_last_real_token(tmp_path: Path, config):
    loaded = load(tiny.recipe(tiny.save_causal(tmp_path, **config)), tiny.LABELS)
    examples = prepare(loaded, tiny.sentences(6, seed=8))
    loaded.model.eval()
    inner = loaded.model.get_base_model()
    answers = predict(loaded, examples)
    for row, ids in enumerate(examples.ids):
        with torch.no_grad():
            hidden = inner.model(input_ids=torch.tensor([ids])).last_hidden_state
            wanted = inner.score(hidden[:, len(ids) - 1])
        np.testing.assert_allclose(answers[row], wanted[0].numpy(), atol=1e-5)
