"""Training a model that writes: resumed exactly, cut into batches at will, and better than what it started from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support import talking, tiny

from engram import files
from engram.errors import Paused
from engram.kinds.language.generate import code
from engram.kinds.language.generate.examples import voice_of
from engram.kinds.language.generate.writing import write
from engram.kinds.language.load import Loaded
from engram.schema.recipe import Adapter, SaveEvery
from engram.train.adapter import restore_weights, trained_weights
from engram.train.loop import fit
from engram.train.training import Outcome, Training

SAVE: dict[str, Callable[..., Path]] = {"causal": talking.save_causal, "seq2seq": talking.save_seq2seq}
BOTH = pytest.mark.parametrize("family", SAVE)
PLAN: dict[str, Any] = {
    "learning_rate": 5e-3,
    "num_train_epochs": 2,
    "per_device_train_batch_size": 3,
    "gradient_accumulation_steps": 2,
    "eval_every": 3,
    "save_every": SaveEvery(2),
    "early_stopping_patience": 0,
    "special_tokens": ("<context>", "<response>"),
    "template": "<context>{prompt}<response>{response}",
}
ROWS = [*talking.chats(14, seed=1), *talking.chats(3, seed=2, turns=2), *talking.plain_texts(2, seed=3)]


def training(loaded: Loaded, folder: Path, rows: list[Any] = ROWS, **parts: Any) -> Training:
    """Return a training of a loaded model as a worker would set it up."""
    examples, valid = code.prepare(loaded, rows), code.prepare(loaded, talking.chats(5, seed=9))
    own = {
        "model": loaded.model,
        "loss": code.loss,
        "lengths": examples.lengths,
        "collate": lambda chosen: code.collate(loaded, examples, chosen),
        "valid_batches": lambda: code.scoring_batches(loaded, valid),
        "options": loaded.recipe.train,
        "folder": folder,
        "identity": {"recipe": "r", "split": "s", "base": loaded.base.digest},
    }
    return Training(**{**own, **parts})


def digests(folder: Path) -> dict[str, Any]:
    """Return what the pointers name, and the digests of weights, optimizer, generators and counters there."""
    found = {}
    for name in ("latest", "best"):
        pointer = files.read_json(folder / f"{name}.json")
        found[name] = (pointer["folder"], files.read_json(folder / pointer["folder"] / "manifest.json")["files"])
    return found


@BOTH
@pytest.mark.parametrize("adapter", [Adapter(r=4, dropout=0.1), tiny.FULL], ids=["lora", "full"])
@pytest.mark.parametrize("pause", [2, 5])
def test_paused_and_resumed_is_the_same_as_never_stopped(tmp_path, family, adapter, pause):
    recipe = talking.recipe(SAVE[family](tmp_path / "base"), adapter, **PLAN)
    fit(training(code.load(recipe), tmp_path / "whole"))
    now = {"step": 0}

    def emit(kind: str, body: Any) -> None:
        now["step"] = body.get("step", now["step"])

    first = training(code.load(recipe), tmp_path / "parted", emit=emit, command=lambda: stop(now["step"], pause))
    with pytest.raises(Paused):
        fit(first)
    torch.manual_seed(999)
    fit(training(code.load(recipe), tmp_path / "parted"))
    assert digests(tmp_path / "parted") == digests(tmp_path / "whole")


def stop(step: int, pause: int) -> str:
    return "pause" if step == pause else "none"


@BOTH
def test_eight_batches_of_one_are_one_batch_of_eight(tmp_path, family):
    """In fp64, because Adam divides the rounding noise of fp32 by its own size."""
    folder, found = SAVE[family](tmp_path / "base"), []
    for rows, times in ((8, 1), (2, 4), (1, 8)):
        plan = {**PLAN, "per_device_train_batch_size": rows, "gradient_accumulation_steps": times, "max_steps": 4}
        loaded = code.load(talking.recipe(folder, Adapter(r=4), **{**plan, "learning_rate": 1e-3}))
        loaded.model.double()
        fit(training(loaded, tmp_path / f"{rows}"))
        found.append({name: tensor.clone() for name, tensor in trained_weights(loaded.model).items()})
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        assert max(float((other[name] - found[0][name]).abs().max()) for name in other) < 1e-6


def test_token_counts_differ_between_the_rows_of_this_data(tmp_path):
    loaded = code.load(talking.recipe(talking.save_causal(tmp_path), **PLAN))
    examples = code.prepare(loaded, ROWS)
    assert len({sum(target >= 0 for target in targets) for targets in examples.targets}) > 3


def trained(loaded: Loaded, folder: Path, rows: list[Any]) -> Outcome:
    """Train and put the best weights into the model."""
    outcome = fit(training(loaded, folder, rows))
    restore_weights(loaded.model, load_file(outcome.best / "weights.safetensors"))
    return outcome


@BOTH
def test_a_trained_model_beats_both_baselines_on_rows_that_it_never_saw(tmp_path, family):
    """The answer is told by words anywhere in the question: an n-gram model sees the last two only."""
    plan = {
        "learning_rate": 1e-2,
        "num_train_epochs": 12,
        "per_device_train_batch_size": 16,
        "metrics": ("loss", "exact_match"),
        "max_new_tokens": 16,
    }
    loaded = code.load(talking.recipe(SAVE[family](tmp_path / "base"), tiny.FULL, **plan))
    learned, asked = talking.chats(240, seed=1), talking.chats(40, seed=2)
    train, test = code.prepare(loaded, learned), code.prepare(loaded, asked)
    others = code.baselines(loaded, train, test)
    trained(loaded, tmp_path / "run", learned)
    answers = code.predict(loaded, test).answers
    mine = answers.nll.sum() / answers.tokens.sum()
    for one in others.values():
        assert mine < 0.7 * one.nll.sum() / one.tokens.sum()
    right, counted = (
        sum(guess == references[0] for guess, references in zip(one.guesses, one.references, strict=True))
        for one in (answers, others["ngram"])
    )
    assert right > counted
    assert right > 25
    assert {one.finish_reason for one in write(loaded, voice_of(loaded), test.prompts)} == {"stop"}


def test_prompts_are_learned_only_where_the_recipe_says_all(tmp_path):
    folder = talking.save_causal(tmp_path)
    counts = []
    for loss_on in ("completion", "all"):
        loaded = code.load(talking.recipe(folder, loss_on=loss_on))
        examples = code.prepare(loaded, talking.chats(4))
        counts.append(code.loss(loaded.model, code.collate(loaded, examples, range(4)))[1])
    asked = sum(len(prompt) - 1 for prompt in examples.prompts)  # the first token follows nothing
    assert counts[1] == counts[0] + asked
