"""Exported files are the evaluated model: the ecosystem opens them without us and gives the same answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import tiny

from engram.errors import NotFound
from engram.export.format import BaseRef
from engram.export.inspect import find_executables, find_secrets
from engram.files import write_json
from engram.kinds.language.classify.examples import prepare
from engram.kinds.language.classify.model import load
from engram.kinds.language.classify.model import score as predict
from engram.kinds.language.exports import export, reopen
from engram.schema.codec import to_dict
from engram.serve.load import open_artifact
from engram.train.adapter import trained_weights

COMMIT = "f" * 40
TEXTS = [row.text for row in tiny.sentences(8, seed=4)]
# What a stranger does: no engram, the ecosystem's own loaders, one padded batch.
STRANGER = """
import json, sys
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder, base, texts = json.loads(sys.stdin.read())
def answers(model, form):
    tokenizer = AutoTokenizer.from_pretrained(f"{folder}/{form}")
    with torch.inference_mode():
        return model.eval()(**tokenizer(texts, padding=True, return_tensors="pt")).logits.tolist()
padding = AutoTokenizer.from_pretrained(f"{folder}/adapter").pad_token_id
below = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3, pad_token_id=padding, dtype="float32")
adapted = PeftModel.from_pretrained(below, f"{folder}/adapter")
whole = AutoModelForSequenceClassification.from_pretrained(f"{folder}/merged")
said = {"adapter": answers(adapted, "adapter"), "merged": answers(whole, "merged"), "id2label": whole.config.id2label}
assert "engram" not in sys.modules
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Exported:
    """Both formats of one tuned model, with its own logits."""

    folder: Path
    base: Path
    logits: np.ndarray
    ref: BaseRef


@pytest.fixture(scope="module", params=["encoder", "causal", "causal in 16 bits"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    home = tmp_path_factory.mktemp("machine")
    base = home / "cached"
    if request.param == "encoder":
        tiny.save_encoder(base)
    else:
        tiny.save_causal(base, dtype=torch.bfloat16 if "16" in request.param else torch.float32)
    recipe = tiny.recipe(base)
    loaded = load(recipe, tiny.LABELS)
    torch.manual_seed(3)
    for tensor in trained_weights(loaded.model).values():  # as a training would leave them: nowhere zero
        tensor.add_(0.1 * torch.randn_like(tensor))
    loaded = replace(loaded, base=replace(loaded.base, name="org/tiny", revision=COMMIT))
    logits = predict(loaded, prepare(loaded, tiny.sentences(8, seed=4)))
    out = home / "artifact"
    for name in ("adapter", "merged"):  # merged consumes the model, so it comes last
        export(loaded, name, out / name)
    write_json(out / "recipe.json", to_dict(recipe))
    write_json(out / "labels.json", list(tiny.LABELS))
    return Exported(out, base, logits, loaded.base)


def alone(code: str, folder: Path, given: str = "") -> str:
    """Run Python code in a process of its own that stands in `folder`, and return what it printed."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, input=given, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ecosystem_opens_both_without_engram_and_answers_the_same(exported):
    given = json.dumps([str(exported.folder), str(exported.base), TEXTS])
    said = json.loads(alone(STRANGER, exported.folder, given).splitlines()[-1])
    for form in ("adapter", "merged"):
        logits = np.array(said[form], dtype=np.float32)
        assert np.abs(logits - exported.logits).max() <= 1e-4
        np.testing.assert_array_equal(logits.argmax(axis=1), exported.logits.argmax(axis=1))
    assert list(said["id2label"].values()) == list(tiny.LABELS)


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_reopened_it_is_the_evaluated_model(exported, form):
    again = reopen(form, exported.folder / form, exported.ref, tiny.LABELS, tiny.recipe("base"))
    assert {p.dtype for p in again.model.parameters()} == {torch.float32}
    logits = predict(again, prepare(again, tiny.sentences(8, seed=4)))
    assert np.abs(logits - exported.logits).max() <= 1e-4
    assert np.ptp(exported.logits, axis=0).max() > 1e-2, "a model that answers all alike proves nothing"
    with pytest.raises(ValueError, match="not exported again"):
        export(again, form, exported.folder / "never")


def test_the_adapter_names_its_base_and_the_commit(exported):
    config = json.loads((exported.folder / "adapter" / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("org/tiny", COMMIT)
    assert config["r"] == tiny.LORA.r
    base = json.loads((exported.folder / "adapter" / "engram_base.json").read_text())
    assert base == {"format": "engram.base/1", "name": "org/tiny", "revision": COMMIT, "digest": exported.ref.digest}


def test_the_adapter_holds_the_trained_part_only(exported):
    assert (exported.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert not (exported.folder / "adapter" / "model.safetensors").exists()
    assert not (exported.folder / "adapter" / "README.md").exists()
    assert not (exported.folder / "merged" / "adapter_config.json").exists()


def test_no_machine_path_stands_in_any_file_but_the_recipe_that_named_it(exported):
    home = str(exported.folder.parent).encode()
    files = [path for path in exported.folder.rglob("*") if path.is_file() and path.name != "recipe.json"]
    assert len(files) >= 8
    assert [path.name for path in files if home in path.read_bytes()] == []


def test_what_is_exported_passes_the_security_look(exported):
    assert find_executables(exported.folder) == []
    assert find_secrets(exported.folder) == []


def test_an_artifact_answers_and_prefers_the_whole_model(exported, tmp_path):
    answers = open_artifact(exported.folder)(TEXTS)
    assert [one["label"] for one in answers] == [tiny.LABELS[i] for i in exported.logits.argmax(axis=1)]
    shutil.copytree(exported.folder, tmp_path / "adapter only")
    shutil.rmtree(tmp_path / "adapter only" / "merged")
    assert [one["label"] for one in open_artifact(tmp_path / "adapter only")(TEXTS)] == [a["label"] for a in answers]
    shutil.rmtree(tmp_path / "adapter only" / "adapter")
    with pytest.raises(NotFound, match="none of the recipe's exports"):
        open_artifact(tmp_path / "adapter only")
    with pytest.raises(NotFound, match="is no artifact"):
        open_artifact(tmp_path)


def test_a_fully_tuned_model_is_merged_as_it_is(tmp_path):
    loaded = load(tiny.recipe(tiny.save_encoder(tmp_path / "base"), adapter=tiny.FULL), tiny.LABELS)
    wanted = predict(loaded, prepare(loaded, tiny.sentences(8, seed=4)))
    export(loaded, "merged", tmp_path / "merged")
    again = reopen("merged", tmp_path / "merged", loaded.base, tiny.LABELS, tiny.recipe("base"))
    np.testing.assert_array_equal(predict(again, prepare(again, tiny.sentences(8, seed=4))), wanted)


def test_two_exports_of_a_model_are_the_same_bytes(tmp_path):
    base = tiny.save_encoder(tmp_path / "base")
    for name in ("one", "two"):
        export(load(tiny.recipe(base), tiny.LABELS), "adapter", tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)
