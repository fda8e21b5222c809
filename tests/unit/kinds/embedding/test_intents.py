"""Intents of a real data set: the recipe that ships finds more than the untouched encoder; minutes, so it is slow."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from engram import registry
from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.evaluate.compare import compare
from engram.kinds.embedding import embed as code
from engram.prep.plan import plan
from engram.train.adapter import restore_weights
from engram.train.loop import fit
from engram.train.training import Training

DATA = Path(os.environ.get("ENGRAM_TEST_DATA") or Path(__file__).parents[4].parent / "shared" / "data")
WHOLE = DATA / "clinc150" / "data_full.json"
PARTS = {"train": "train", "val": "valid", "test": "test"}
FORMS = registry.get("kind", "embedding").tasks["embed"].forms
NEEDS_DATA = pytest.mark.skipif(not WHOLE.is_file(), reason=f"CLINC150 is not in {DATA}; set ENGRAM_TEST_DATA")


def recipe_in(folder: Path):
    """Return the recipe with its data put into place below a folder, as its header says."""
    given = json.loads(WHOLE.read_text(encoding="utf-8"))
    (folder / "clinc150").mkdir()
    for part, name in PARTS.items():
        lines = [json.dumps({"text": text, "intent": intent}) + "\n" for text, intent in given[part]]
        (folder / "clinc150" / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return load_recipe("intent_search", environment={"ENGRAM_DATA": str(folder)}).recipe


@NEEDS_DATA
@pytest.mark.slow
def test_sentences_find_more_of_their_intent_than_with_the_untouched_encoder(tmp_path, record_property):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    recipe = recipe_in(tmp_path)
    steps = plan(recipe.prep)
    made = prepare_split(
        recipe.data,
        folder=tmp_path,
        cache=tmp_path / "cache",
        forms=FORMS,
        steps=steps.texts,
        step_names=steps.names,
    )
    loaded = code.load(recipe, made.split.labels)
    rows = {name: code.prepare(loaded, read_part(made.folder, part)) for name, part in made.split.parts.items()}
    before = code.baselines(loaded, rows["train"], rows["test"])["untouched"]
    outcome = fit(
        Training(
            model=loaded.model,
            loss=code.loss,
            lengths=rows["train"].lengths,
            collate=lambda batch: code.collate(loaded, rows["train"], batch),
            vary=lambda batch, epoch: code.vary(loaded, rows["train"], batch, epoch),
            valid_batches=lambda: code.scoring_batches(loaded, rows["valid"]),
            options=recipe.train,
            folder=tmp_path / "checkpoints",
        )
    )
    from safetensors.torch import load_file

    restore_weights(loaded.model, load_file(outcome.best / "weights.safetensors"))
    after = code.predict(loaded, rows["test"]).answers
    found = compare(after, before, [registry.get("metric", "recall_at_k")])[0]["recall_at_k"]
    record_property("recall_at_k", [found.baseline, found.value, list(found.difference_interval)])
    assert found.difference_interval[0] > 0, found
