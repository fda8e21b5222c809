"""Strings of digits of real voices: the recipe that ships, with each speaker left out in turn; minutes for each."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import torch

from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.evaluate import wer
from engram.kinds.stt import transcribe as code
from engram.schema.recipe import Recipe
from engram.train.adapter import restore_weights
from engram.train.loop import fit
from engram.train.training import Training

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
FLOOR = 0.45
ROOT = Path(__file__).parents[4]
DATA = Path(os.environ.get("ENGRAM_TEST_DATA") or ROOT.parent / "shared" / "data")
RECORDINGS = DATA / "fsdd" / "recordings"
NEEDS_DATA = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"the spoken digits are not in {DATA}; set ENGRAM_TEST_DATA"
)


def join(to: Path, recordings: Path = RECORDINGS, *more: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "examples" / "join_digits.py"
    called = [sys.executable, str(script), str(recordings), str(to), *more]
    return subprocess.run(called, capture_output=True, text=True, check=False)


def recipe_without(speaker: str, data: Path) -> Recipe:
    held_out = f"data.split.held_out={{speaker: [{speaker}]}}"
    return load_recipe("digit_strings", sets=[held_out], environment={"ENGRAM_DATA": str(data)}).recipe


def test_what_is_not_named_as_such_recordings_are_is_refused_in_words(tmp_path):
    (tmp_path / "some").mkdir()
    assert "holds no .wav files" in join(tmp_path / "to", tmp_path / "some").stderr
    (tmp_path / "some" / "theo.wav").write_bytes(b"RIFF")
    assert "is not named digit_speaker_take.wav" in join(tmp_path / "to", tmp_path / "some").stderr
    assert not (tmp_path / "to").exists()


@NEEDS_DATA
def test_strings_join_recordings_of_one_speaker_and_no_recording_is_on_two_sides(tmp_path):
    done = join(tmp_path / "digit_strings", RECORDINGS, "--times", "1")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "digit_strings" / "rows.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert Counter(word for row in rows for word in row["text"].split()) == dict.fromkeys("0123456789", 300)
    recipe = recipe_without("theo", tmp_path)
    made = prepare_split(recipe.data, folder=tmp_path, cache=tmp_path / "cache", forms=("sound_text",))
    parts = {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
    blocks = defaultdict(set)
    for name, found in parts.items():
        blocks[name] = {row.file.name.partition("_")[0] for row in found}
    assert {block[:-2] for block in blocks["test"]} == {"theo"}
    assert {block[:-2] for block in blocks["train"]} == set(SPEAKERS) - {"theo"}
    assert not blocks["train"] & blocks["valid"]
    assert sum(map(len, parts.values())) == len(rows) == made.report.rows_kept


def error_rate(speaker: str, folder: Path, data: Path) -> float:
    """Train without a speaker and return the share of wrong words in her strings."""
    recipe = recipe_without(speaker, data)
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=("sound_text",))
    parts = {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
    asked = code.examine(recipe, parts.values(), ())
    assert asked["untrainable_rows"] == asked["too_long_rows"] == 0
    loaded = code.load(recipe)
    rows = {name: code.prepare(loaded, part) for name, part in parts.items()}
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
    return wer.compute(code.predict(loaded, rows["test"]).answers)


@NEEDS_DATA
@pytest.mark.slow
def test_strings_of_a_voice_that_was_left_out_are_read_on_average(tmp_path, record_property):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assert join(tmp_path / "digit_strings").returncode == 0
    found = {speaker: error_rate(speaker, tmp_path / speaker, tmp_path) for speaker in SPEAKERS}
    record_property("wer", found)
    assert sum(found.values()) / len(found) <= FLOOR, found
