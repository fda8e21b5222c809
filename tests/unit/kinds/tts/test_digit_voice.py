"""A voice of real digits, heard by a judge of this home: the recipes that ship; minutes, so it is slow."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engram import registry
from engram.artifacts import store
from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.evaluate.compare import compare, measure
from engram.files import write_json
from engram.kinds.audio import classify
from engram.kinds.tts import speak
from engram.schema.codec import to_dict
from engram.schema.recipe import Evaluate
from engram.train.adapter import restore_weights
from engram.train.loop import fit
from engram.train.training import Training

CHANCE = 0.9  # ten digits, so a judge that hears nothing is wrong nine times in ten
DATA = Path(os.environ.get("ENGRAM_TEST_DATA") or Path(__file__).parents[4].parent / "shared" / "data")
NEEDS_DATA = pytest.mark.skipif(
    not (DATA / "fsdd" / "recordings").is_dir(), reason=f"the spoken digits are not in {DATA}; set ENGRAM_TEST_DATA"
)


def recipe_of(name: str, *sets: str) -> Any:
    return load_recipe(name, sets=sets, environment={"ENGRAM_DATA": str(DATA)}).recipe


def taught(code: Any, recipe: Any, forms: tuple[str, ...], folder: Path) -> tuple[Any, Any, dict[str, Any]]:
    """Return a trained model, its labels, and the rows of the split."""
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=forms)
    loaded = code.load(recipe, made.split.labels)
    rows = {name: code.prepare(loaded, read_part(made.folder, part)) for name, part in made.split.parts.items()}
    vary = getattr(code, "vary", None)
    outcome = fit(
        Training(
            model=loaded.model,
            loss=code.loss,
            lengths=rows["train"].lengths,
            collate=lambda batch: code.collate(loaded, rows["train"], batch),
            vary=(lambda batch, epoch: vary(loaded, rows["train"], batch, epoch)) if vary else None,
            valid_batches=lambda: code.scoring_batches(loaded, rows["valid"]),
            options=recipe.train,
            folder=folder / "checkpoints",
        )
    )
    restore_weights(loaded.model, load_file(outcome.best / "weights.safetensors"))
    return loaded, made.split.labels, rows


@NEEDS_DATA
def test_one_speaker_is_taken_and_the_names_of_the_files_tell_what_is_said(tmp_path):
    recipe = recipe_of("digit_voice")
    made = prepare_split(recipe.data, folder=tmp_path, cache=tmp_path, forms=("voice_sound", "text_sound"))
    rows = [row for part in made.split.parts.values() for row in read_part(made.folder, part)]
    assert len(rows) == made.report.rows_kept == 500
    assert {row.file.name.split("_")[1] for row in rows} == {"george"}
    assert {row.input for row in rows} == set("0123456789")


@NEEDS_DATA
@pytest.mark.slow
def test_a_judge_hears_the_digits_better_than_by_chance(tmp_path, monkeypatch, record_property):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    hearing = replace(recipe_of("spoken_digits", "train.num_train_epochs=8"), export=("merged",))
    heard, labels, _ = taught(classify, hearing, ("sound_label",), tmp_path / "judge")
    staging = tmp_path / "staging"
    classify.export(heard, "merged", staging / "merged")
    write_json(staging / "recipe.json", to_dict(hearing))
    write_json(staging / "labels.json", list(labels))
    about = {"kind": "audio", "task": "classify"}
    _, manifest = store.publish(staging, tmp_path / "artifacts", about, lambda *_: b"{}")

    recipe = replace(recipe_of("digit_voice"), evaluate=Evaluate(judge=manifest.digest))
    loaded, _, rows = taught(speak, recipe, ("voice_sound", "text_sound"), tmp_path / "voice")
    tuned = speak.predict(loaded, rows["test"]).answers
    beside = speak.baselines(speak.load(recipe, ()), rows["train"], rows["test"])
    metrics = [registry.get("metric", name) for name in ("mcd", "judge_wer", "mos_proxy")]
    measures, _ = compare(tuned, beside["untouched"], metrics, resamples=10_000)
    copies = {name: measure(one, metrics, resamples=0) for name, one in beside.items()}
    record_property("tuned", {name: (one.value, one.interval) for name, one in measures.items()})
    record_property("baselines", {n: {m: one.value for m, one in found.items()} for n, found in copies.items()})
    assert measures["judge_wer"].interval is not None
    assert measures["judge_wer"].interval[1] < CHANCE
    assert measures["mcd"].difference_interval is not None
    assert measures["mcd"].difference_interval[1] < 0
