"""A tagger in the training loop: it learns, resumes to the bit, and does not care how rows are cut into batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import tagged, tiny

from engram.errors import Paused
from engram.evaluate import span_f1
from engram.kinds.language.padding import collate, scoring_batches
from engram.kinds.language.tag.examples import prepare, tokenise_rows
from engram.kinds.language.tag.model import load, loss
from engram.kinds.language.tag.predict import predict
from engram.schema.recipe import Adapter, SaveEvery
from engram.train.adapter import restore_weights, trained_weights
from engram.train.loop import fit
from engram.train.training import Outcome, Training

CLASSES = len(tagged.LABELS)
LONGEST = 16  # so that some rows are read in windows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_encoder(tmp_path_factory.mktemp("base"))


def train(base: Path, folder: Path, *, dtype=torch.float32, stop_at: int | None = None, adapter=tiny.LORA, **options):
    """Train a tagger of the base in a folder, going on where one was left, and return it with the outcome."""
    torch.set_num_threads(1)
    settings = {"learning_rate": 5e-3, "seed": 3, "per_device_train_batch_size": 4, **options}
    recipe = tagged.recipe(base, adapter, save_every=SaveEvery(3), early_stopping_patience=0, **settings)
    loaded = load(recipe, tagged.LABELS)
    loaded.model.to(dtype)
    rows, valid = tagged.rows(30, seed=1, longest=20), tagged.rows(10, seed=2)
    examples, held = (tokenise_rows(loaded.tokenizer, some, LONGEST, CLASSES) for some in (rows, valid))
    step = {"now": 0}

    def emit(kind, body):
        step["now"] = body.get("step", step["now"])

    training = Training(
        model=loaded.model,
        loss=loss,
        lengths=examples.lengths,
        collate=lambda chosen: collate(loaded, examples, chosen),
        valid_batches=lambda: scoring_batches(loaded, held),
        options=recipe.train,
        folder=folder,
        emit=emit,
        command=lambda: "pause" if step["now"] == stop_at else "none",
    )
    return loaded, fit(training)


def weights(loaded) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trained_weights(loaded.model).items()}


def test_a_tagger_learns_what_can_be_read_off_the_words(base, tmp_path):
    from safetensors.torch import load_file

    loaded, outcome = train(base, tmp_path, learning_rate=1e-2, num_train_epochs=12)
    assert isinstance(outcome, Outcome)
    assert outcome.best_valid_loss < outcome.first_valid_loss / 4
    restore_weights(loaded.model, load_file(next(outcome.best.glob("weights*.safetensors"))))
    found = predict(loaded, prepare(loaded, tagged.rows(30, seed=5)))
    assert span_f1.compute(found.answers) > 0.9


@pytest.mark.parametrize("adapter", [tiny.LORA, tiny.FULL], ids=["lora", "full"])
def test_a_training_that_was_paused_ends_as_one_that_was_not(base, tmp_path, adapter):
    whole, outcome = train(base, tmp_path / "whole", adapter=adapter, max_steps=7)
    with pytest.raises(Paused):
        train(base, tmp_path / "halves", adapter=adapter, max_steps=7, stop_at=4)
    halves, again = train(base, tmp_path / "halves", adapter=adapter, max_steps=7)
    one, other = weights(whole), weights(halves)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (outcome.best_valid_loss, outcome.targets) == (again.best_valid_loss, again.targets)


def test_eight_batches_of_one_are_one_batch_of_eight(base, tmp_path):
    """In fp64, because Adam divides the rounding noise of fp32 by its own size."""
    still = replace(tiny.LORA, dropout=0.0)
    found = []
    for rows, times in ((1, 8), (4, 2), (8, 1)):
        options = {"per_device_train_batch_size": rows, "gradient_accumulation_steps": times, "max_steps": 4}
        loaded, outcome = train(base, tmp_path / str(rows), adapter=still, dtype=torch.float64, **options)
        found.append((weights(loaded), outcome.targets))
    for other, targets in found[1:]:
        assert targets == found[0][1]
        assert max(float((found[0][0][name] - other[name]).abs().max()) for name in other) < 1e-6


def test_every_word_is_learned_once_an_epoch(base, tmp_path):
    _, outcome = train(base, tmp_path, num_train_epochs=1)
    assert outcome.targets == sum(len(row.tokens) for row in tagged.rows(30, seed=1, longest=20))


def test_the_windows_of_the_training_rows_are_what_is_dealt(base):
    loaded = load(tagged.recipe(base, Adapter(type="full")), tagged.LABELS)
    examples = tokenise_rows(loaded.tokenizer, tagged.rows(30, seed=1, longest=20), LONGEST, CLASSES)
    assert len(examples.lengths) > 30
    assert max(examples.lengths) <= LONGEST
    assert np.array_equal(np.unique(examples.places[:, 0]), np.arange(len(examples.ids)))
