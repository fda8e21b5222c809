"""Handwritten digits by the recipes that ship: which one it is, and where they lie; minutes for each, so it is slow."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.evaluate import map50
from engram.kinds.vision.code import task
from engram.train.adapter import restore_weights
from engram.train.loop import fit
from engram.train.training import Training

EXAMPLE = Path(__file__).parents[4] / "examples" / "vision.py"
ACCURACY, FOUND = 0.98, 0.60

pytest.importorskip("sklearn", reason="scikit-learn is not installed")


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vision_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_digits_of_the_test_canvases_are_on_no_other_and_lie_apart(tmp_path):
    folder = tmp_path / "canvases"
    for part, count, digits, seed in (("train", 30, (0, 1_300), 1), ("test", 12, (1_300, 1_797), 2)):
        example().write_canvases(folder, part, count, *digits, seed=seed)
    recipe = load_recipe("digit_canvases", environment={"ENGRAM_DATA": str(tmp_path)}).recipe
    made = prepare_split(recipe.data, folder=tmp_path, cache=tmp_path / "cache", forms=("image_boxes",))
    parts = {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
    assert {row.file.name.split("/")[0] for row in parts["test"]} == {"test"}
    assert {row.file.name.split("/")[0] for row in [*parts["train"], *parts["valid"]]} == {"train"}
    assert len(parts["test"]) == 12
    for row in parts["train"]:
        assert 1 <= len(row.boxes) <= 3
        for left, top, width, height in row.boxes:
            assert left >= 0 and top >= 0 and left + width <= 64 and top + height <= 64


def answered(name: str, form: str, folder: Path, home: Path) -> Any:
    """Train by a recipe and return the answers of its test part."""
    recipe = load_recipe(name, environment={"ENGRAM_DATA": str(folder)}).recipe
    code = task(recipe.task)
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=(form,))
    loaded = code.load(recipe, made.split.labels)
    rows = {part: code.prepare(loaded, read_part(made.folder, one)) for part, one in made.split.parts.items()}
    outcome = fit(
        Training(
            model=loaded.model,
            loss=code.loss,
            lengths=rows["train"].lengths,
            collate=lambda batch: code.collate(loaded, rows["train"], batch),
            vary=lambda batch, epoch: code.vary(loaded, rows["train"], batch, epoch),
            valid_batches=lambda: code.scoring_batches(loaded, rows["valid"]),
            options=recipe.train,
            folder=home / "checkpoints",
        )
    )
    from safetensors.torch import load_file

    restore_weights(loaded.model, load_file(outcome.best / "weights.safetensors"))
    return code.predict(loaded, rows["test"]).answers


@pytest.mark.slow
def test_a_digit_is_known_by_a_model_that_learned_from_nothing(tmp_path, monkeypatch, record_property):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "home"))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    example().write_digits(tmp_path / "digits")
    accuracy = float(answered("handwritten_digits", "image_label", tmp_path, tmp_path).correct().mean())
    record_property("accuracy", accuracy)
    assert accuracy >= ACCURACY


@pytest.mark.slow
def test_digits_are_found_where_they_lie_by_a_model_that_learned_from_nothing(tmp_path, monkeypatch, record_property):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "home"))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    example().write_canvases(tmp_path / "canvases", "train", 2_000, 0, 1_300, seed=1)
    example().write_canvases(tmp_path / "canvases", "test", 200, 1_300, 1_797, seed=2)
    found = map50.compute(answered("digit_canvases", "image_boxes", tmp_path, tmp_path))
    record_property("map50", found)
    assert found >= FOUND
