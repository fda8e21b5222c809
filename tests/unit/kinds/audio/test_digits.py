"""Digits of real voices: the recipe that ships, with each speaker left out in turn; minutes for each, so it is slow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.kinds.audio import classify as code
from engram.schema.recipe import Recipe
from engram.train.adapter import restore_weights
from engram.train.loop import fit
from engram.train.training import Training

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
FLOOR = 0.75
DATA = Path(os.environ.get("ENGRAM_TEST_DATA") or Path(__file__).parents[4].parent / "shared" / "data")
NEEDS_DATA = pytest.mark.skipif(
    not (DATA / "fsdd" / "recordings").is_dir(), reason=f"the spoken digits are not in {DATA}; set ENGRAM_TEST_DATA"
)


def recipe_without(speaker: str) -> Recipe:
    held_out = f"data.split.held_out={{speaker: [{speaker}]}}"
    return load_recipe("spoken_digits", sets=[held_out], environment={"ENGRAM_DATA": str(DATA)}).recipe


@NEEDS_DATA
def test_one_speaker_is_the_test_part_and_the_others_are_not(tmp_path):
    recipe = recipe_without("theo")
    made = prepare_split(recipe.data, folder=tmp_path, cache=tmp_path, forms=("sound_label",))
    assert made.split.labels == tuple("0123456789")
    voices = {
        name: {row.file.name.split("_")[1] for row in read_part(made.folder, part)}
        for name, part in made.split.parts.items()
    }
    assert voices["test"] == {"theo"}
    assert voices["train"] == voices["valid"] == set(SPEAKERS) - {"theo"}
    parts = [list(read_part(made.folder, part)) for part in made.split.parts.values()]
    assert sum(map(len, parts)) == made.report.rows_kept
    assert made.report.rows_read == 3_000
    assert code.examine(recipe, parts, made.split.labels)["lost_seconds_rate"] < 0.01


def accuracy(speaker: str, folder: Path) -> float:
    """Train without a speaker and return how many of her digits are known."""
    recipe = recipe_without(speaker)
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=("sound_label",))
    loaded = code.load(recipe, made.split.labels)
    rows = {name: code.prepare(loaded, read_part(made.folder, part)) for name, part in made.split.parts.items()}
    outcome = fit(
        Training(
            model=loaded.model,
            loss=code.loss,
            lengths=rows["train"].lengths,
            collate=lambda batch: code.collate(loaded, rows["train"], batch),
            vary=lambda batch, epoch: code.vary(loaded, rows["train"], batch, epoch),
            valid_batches=lambda: code.scoring_batches(loaded, rows["valid"]),
            options=recipe.train,
            folder=folder / "checkpoints",
        )
    )
    from safetensors.torch import load_file

    restore_weights(loaded.model, load_file(outcome.best / "weights.safetensors"))
    answers = code.predict(loaded, rows["test"]).answers
    return float(answers.correct().mean())


@NEEDS_DATA
@pytest.mark.slow
def test_digits_of_a_voice_that_was_left_out_are_known_on_average(tmp_path, record_property):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    found = {speaker: accuracy(speaker, tmp_path / speaker) for speaker in SPEAKERS}
    record_property("accuracy", found)
    assert sum(found.values()) / len(found) >= FLOOR, found
