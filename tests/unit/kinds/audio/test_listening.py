"""What a sound classifier is built from, what it hears, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import sounds, tiny
from support.kinds import save_listener, sound_parts, sound_recipe

from engram import registry
from engram.data.attached import to_url
from engram.data.decoded import Decoded
from engram.errors import NotFound, UnknownName, UsageError, UserError
from engram.kinds.audio import classify as code
from engram.kinds.audio.examples import frames_of
from engram.kinds.audio.source import find_base
from engram.schema.options import Options
from engram.schema.recipe import Model, PrepStep

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = registry.get("kind", "audio").default_model
ASK = """
import sys
from engram.kinds.audio.load import load
from engram.schema.codec import from_dict
from engram.schema.recipe import Adapter, Data, Model, Recipe, Source
recipe = Recipe("t", "audio", "classify", Model(sys.argv[1]), Data((Source("x"),)), adapter=Adapter(r=2))
found = load(recipe, ("a", "b"))
sys.stdout.write(f"{found.base.name} {found.base.revision} {found.model.get_base_model().classifier.out_features}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sounds")
    for norm in ("group", "layer"):
        save_listener(place / norm, norm)
    return place


@pytest.fixture(scope="module")
def parts(folder):
    return sound_parts(folder, sound_recipe(folder / "group"))


def test_the_default_model_is_found_in_the_hubs_cache_and_gets_a_head_for_the_labels(folder, tmp_path):
    root = tmp_path / "hub" / f"models--{DEFAULT.replace('/', '--')}"
    shutil.copytree(folder / "group", root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", ASK, DEFAULT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{DEFAULT} {COMMIT} 2"


def test_a_base_that_can_not_be_had_is_said_in_words():
    with pytest.raises(UnknownName, match="Known: listener"):
        find_base(Model("made:nothing"))
    with pytest.raises(NotFound, match="There is no model folder"):
        find_base(Model("./nowhere"))


def test_a_model_of_texts_is_no_model_of_sounds(tmp_path):
    with pytest.raises(UserError, match="holds no model of sounds"):
        code.load(sound_recipe(tiny.save_encoder(tmp_path)), ("a", "b"))


def test_a_body_that_lacks_weights_is_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder / "group", tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    lost = sorted(name for name in weights if "attention.k_proj.weight" in name)[0]
    del weights[lost]
    save_file(weights, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"lacks 1 weights of a wav2vec2 model, among them {lost}"):
        code.load(sound_recipe(tmp_path / "model"), ("a", "b"))


def test_covers_are_on_only_when_the_recipe_asks_for_them(folder):
    plain = code.load(sound_recipe(folder / "layer"), ("a", "b"))
    assert not plain.model.get_base_model().config.apply_spec_augment
    covered = code.load(sound_recipe(folder / "layer", prep=("spec_augment",)), ("a", "b"))
    config = covered.model.get_base_model().config
    assert config.apply_spec_augment
    assert config.mask_time_prob == pytest.approx(0.2)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_what_stands_beside_a_row_changes_nothing_of_its_answer(folder, parts, norm):
    labels, rows = parts
    loaded = code.load(sound_recipe(folder / norm), labels)
    loaded.model.eval()
    examples = code.prepare(loaded, rows["train"])
    order = sorted(range(len(rows["train"])), key=examples.lengths.__getitem__)
    short, long = order[0], order[-1]
    assert examples.lengths[short] < examples.lengths[long]
    with torch.no_grad():
        alone = float(code.loss(loaded.model, code.collate(loaded, examples, [short]))[0])
        beside = float(code.loss(loaded.model, code.collate(loaded, examples, [long]))[0])
        both = float(code.loss(loaded.model, code.collate(loaded, examples, [short, long]))[0])
    assert both == pytest.approx(alone + beside, rel=1e-5)


def test_eight_batches_of_one_teach_what_one_batch_of_eight_teaches(folder, parts):
    labels, rows = parts
    gradients = []
    for batches in ([[row] for row in range(8)], [list(range(8))]):
        loaded = code.load(sound_recipe(folder / "layer", replace(tiny.LORA, dropout=0.0)), labels)
        examples = code.prepare(loaded, rows["train"])
        for batch in batches:
            code.loss(loaded.model, code.vary(loaded, examples, batch, 2))[0].backward()
        gradients.append({n: p.grad for n, p in loaded.model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], rtol=1e-3, atol=1e-6), name


def test_seconds_that_are_cut_off_and_rows_too_short_are_counted(folder, parts):
    labels, rows = parts
    recipe = sound_recipe(folder / "group")
    assert code.examine(recipe, rows.values(), labels) == {
        "lost_seconds_rate": 0.0, "too_short_rows": 0.0, "untrainable_rows": 0.0,
    }  # fmt: skip
    cut = code.examine(replace(recipe, train=replace(recipe.train, max_seq_length=10)), rows.values(), labels)
    total = sum(row.file.facts["seconds"] for part in rows.values() for row in part)
    lost = sum(max(0.0, row.file.facts["seconds"] - 0.2) for part in rows.values() for row in part)
    assert cut["lost_seconds_rate"] == pytest.approx(lost / total)
    assert code.examine(recipe, rows.values(), labels[:1])["untrainable_rows"] > 0


def test_another_rate_is_brought_to_the_models_own(folder):
    loaded = code.load(sound_recipe(folder / "group"), ("a", "b", "c"))
    high = sounds.wav(sounds.tone(440, 0.4, 16_000))
    low = sounds.wav(sounds.tone(440, 0.4, 8_000), 8_000)
    one, other = (answer["probabilities"] for answer in code.answer(loaded, [to_url(high), to_url(low)]))
    assert all(abs(one[label] - other[label]) < 0.05 for label in one)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7", "it is no sound file that is read here"),
        (sounds.wav(sounds.tone(300))[:4000], "the file is cut off"),
        (sounds.wav(np.zeros(0, dtype=np.float32)), "it holds no samples"),
    ],
)
def test_what_is_no_sound_is_refused_by_its_bytes(folder, content, said):
    loaded = code.load(sound_recipe(folder / "group"), ("a", "b"))
    with pytest.raises(UsageError, match=said):
        code.answer(loaded, [f"data:audio/wav;base64,{to_url(content).split(',')[1]}"])


def test_a_sound_that_is_too_long_is_refused_and_not_answered_in_part(folder):
    loaded = code.load(sound_recipe(folder / "group", max_seq_length=20), ("a", "b"))
    asked = [to_url(sounds.wav(sounds.tone(300, 0.5)))]
    with pytest.raises(UsageError, match=r"has 0\.50 s; at most 0\.40 s are heard here"):
        code.answer(loaded, asked, [Options()])
    with pytest.raises(UsageError, match=r"at most 0\.20 s"):
        code.answer(loaded, asked, [Options(max_input_tokens=10)])


def test_decoded_sounds_are_kept_within_a_bound(monkeypatch):
    monkeypatch.setattr("engram.data.decoded.KEPT_SAMPLES", 10_000)
    kept, reads = Decoded(), []

    def read() -> bytes:
        reads.append(1)
        return sounds.wav(sounds.tone(300, 0.25))

    for row in range(6):
        kept.get(row, read, 16_000, 16_000)
    assert kept.samples <= 10_000
    assert len(kept.kept) == 2
    kept.get(5, read, 16_000, 16_000)
    assert len(reads) == 6, "what was read last is not read again"


def test_a_step_that_has_nothing_to_work_on_is_refused():
    from engram.config.check import check_recipe

    recipe = sound_recipe("made:listener")
    assert not check_recipe(recipe)
    (told,) = check_recipe(replace(recipe, prep=(PrepStep("augment"),)))
    assert "works on text, and rows of the task 'classify' hold none" in str(told)


def test_lengths_are_counted_in_frames_of_20_ms():
    assert [frames_of(seconds) for seconds in (0.0001, 0.02, 0.0201, 1.0)] == [1, 1, 2, 50]
