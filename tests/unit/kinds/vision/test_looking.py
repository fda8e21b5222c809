"""What a vision model is built from, how it sees, and what it refuses."""

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
from PIL import Image
from support import pictures, tiny
from support.kinds import image_parts, image_recipe, save_looker, save_yolos
from transformers import AutoImageProcessor, ResNetConfig, ResNetForImageClassification
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

from engram import registry
from engram.errors import DataError, NotFound, UnknownName, UsageError, UserError
from engram.kinds.vision.classify import code as classify
from engram.kinds.vision.code import fid
from engram.kinds.vision.detect import code as detect
from engram.kinds.vision.reading import open_reading
from engram.kinds.vision.source import find_base
from engram.schema.recipe import Adapter, Model, PrepStep

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = registry.get("kind", "vision").default_model
ASK = """
import sys
from engram.kinds.vision.detect.code import load
from engram.schema.recipe import Adapter, Data, Model, Recipe, Source
recipe = Recipe("t", "vision", "detect", Model(sys.argv[1]), Data((Source("x"),)), prep=(), adapter=Adapter(r=2))
found = load(recipe, ("a", "b"))
out = found.model.get_base_model().class_labels_classifier.layers[-1].out_features
sys.stdout.write(f"{found.base.name} {found.base.revision} {out}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    save_looker(place / "looker")
    save_yolos(place / "yolos")
    return place


def test_the_default_model_is_found_in_the_hubs_cache_and_gets_a_head_for_the_labels(folder, tmp_path):
    root = tmp_path / "hub" / f"models--{DEFAULT.replace('/', '--')}"
    shutil.copytree(folder / "yolos", root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", ASK, DEFAULT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{DEFAULT} {COMMIT} 3"  # two labels and nothing


def test_a_base_that_can_not_be_had_is_said_in_words(folder):
    with pytest.raises(UnknownName, match="Known: glance, spotter"):
        find_base(Model("made:nothing"))
    with pytest.raises(NotFound, match="There is no model folder"):
        find_base(Model("./nowhere"))
    with pytest.raises(UserError, match="not known to be a detector"):
        detect.load(image_recipe(folder / "looker", "detect"), ("a", "b"))


def test_a_model_of_texts_is_no_model_of_images(tmp_path):
    with pytest.raises(UserError, match="holds no model of images"):
        classify.load(image_recipe(tiny.save_encoder(tmp_path), "classify"), ("a", "b"))


def test_a_body_that_lacks_weights_is_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder / "looker", tmp_path / "less")
    weights = load_file(tmp_path / "less" / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "stages.1" not in name}
    save_file(kept, tmp_path / "less" / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"lacks .* weights"):
        classify.load(image_recipe(tmp_path / "less", "classify"), ("a", "b"))


@pytest.mark.parametrize(("name", "finds", "size"), [("looker", False, (32, 32)), ("yolos", True, (32, 48))])
def test_pictures_are_seen_as_the_saved_processor_says(folder, tmp_path, name, finds, size):
    reading = open_reading(folder / name, finds)
    assert (reading.height, reading.width) == size
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    reading.reader.save_pretrained(tmp_path)
    theirs = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")(
        images=Image.fromarray(pixels), return_tensors="np"
    )
    ours = reading.stack([reading.resize(pixels)])
    assert np.abs(theirs["pixel_values"] - ours).max() < 1e-5


def test_a_recipe_says_at_which_size_pictures_are_seen(folder):
    recipe = image_recipe(folder / "yolos", "detect")
    loaded = detect.load(replace(recipe, prep=(PrepStep("image_size", {"height": 64, "width": 80}),)), ("a", "b"))
    assert (loaded.reading.height, loaded.reading.width, loaded.reading.length) == (64, 80, 20)
    url = pictures.url(pictures.png(pictures.shape("disc", (33, 41), 0)[0]))
    assert isinstance(detect.answer(loaded, [url])[0]["boxes"], list)


def test_statistics_of_a_batch_norm_stay_as_they_came_and_no_row_sees_its_neighbours(tmp_path):
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=9)
    ResNetForImageClassification(config).save_pretrained(tmp_path)
    ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=1.0).save_pretrained(tmp_path)
    recipe = image_recipe(tmp_path, "classify", Adapter(type="full"))
    labels, parts = image_parts(tmp_path, recipe, 12)
    loaded = classify.load(recipe, labels)
    examples = classify.prepare(loaded, parts["train"])
    before = {name: one.clone() for name, one in loaded.model.named_buffers()}
    loaded.model.train()
    whole = classify.loss(loaded.model, classify.collate(loaded, examples, [0, 1, 2]))[0]
    single = [classify.loss(loaded.model, classify.collate(loaded, examples, [row]))[0] for row in range(3)]
    assert float(whole.detach()) == pytest.approx(float(sum(single).detach()), rel=1e-5)
    assert all(torch.equal(before[name], one) for name, one in loaded.model.named_buffers())


@pytest.mark.parametrize("name", ["glance", "spotter"])
def test_a_made_model_is_made_once_and_answers(name, tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    first, again = find_base(Model(f"made:{name}")), find_base(Model(f"made:{name}"))
    assert first.digest == again.digest
    code, task = (classify, "classify") if name == "glance" else (detect, "detect")
    loaded = code.load(image_recipe(f"made:{name}", task, Adapter(type="full")), ("a", "b", "c"))
    answered = code.answer(loaded, [pictures.url(pictures.png(pictures.shape("disc", (40, 40), 1)[0]))])
    assert list(answered[0]) == (["label", "probabilities"] if name == "glance" else ["boxes"])


def test_the_published_head_is_a_baseline_where_it_knows_a_label(folder, tmp_path):
    import json

    from safetensors.torch import load_file, save_file

    shutil.copytree(folder / "yolos", tmp_path / "known")
    said = json.loads((tmp_path / "known" / "config.json").read_text())
    said["id2label"] = {str(place): "DISC" if place == 2 else f"thing {place}" for place in range(7)}
    said["label2id"] = {label: int(place) for place, label in said["id2label"].items()}
    (tmp_path / "known" / "config.json").write_text(json.dumps(said))
    weights = load_file(tmp_path / "known" / "model.safetensors")
    weights["class_labels_classifier.layers.2.bias"][2] += 9.0  # it sees a disc everywhere
    save_file(weights, tmp_path / "known" / "model.safetensors", {"format": "pt"})
    for name, wanted in (("known", {"usual", "published", "strongest"}), ("plain", {"usual", "strongest"})):
        recipe = image_recipe(tmp_path / "known" if name == "known" else folder / "yolos", "detect")
        labels, parts = image_parts(tmp_path, recipe, 12)
        loaded = detect.load(recipe, labels)
        train, test = (detect.prepare(loaded, parts[part]) for part in ("train", "test"))
        found = detect.baselines(loaded, train, test)
        assert set(found) == wanted
        assert {labels[one] for one in found.get("published", found["usual"]).guess} <= {"disc", "square"}
        if name == "known":
            assert {labels[one] for one in found["published"].guess} == {"disc"}


def test_a_report_gets_small_pictures_with_their_boxes(folder, tmp_path):
    recipe = image_recipe(folder / "yolos", "detect")
    labels, parts = image_parts(tmp_path, recipe, 40)
    loaded = detect.load(recipe, labels)
    test = detect.prepare(loaded, parts["test"])
    shown = detect.show(loaded, test, detect.predict(loaded, test).answers)["pictures"]
    assert len(shown) == 6
    for one, row in zip(shown, parts["test"], strict=False):
        assert one["image"].startswith("data:image/jpeg;base64,")
        assert [box["box"] for box in one["truth"]] == [list(box) for box in row.boxes]
        assert all({"label", "box", "score"} == set(box) for box in one["found"])


@pytest.mark.parametrize("bad", [pictures.url(b"%PDF-1.7"), pictures.url(b"GIF89a" + b"\0" * 20), "late", 7])
def test_what_is_no_picture_is_refused_in_words(folder, bad):
    loaded = classify.load(image_recipe(folder / "looker", "classify"), ("a", "b"))
    with pytest.raises(UsageError):
        classify.answer(loaded, [bad])


def test_fid_names_its_features_and_is_nought_for_one_folder_alone(folder, tmp_path):
    pictures.write_folders(tmp_path / "one", 40)
    for place in range(40):
        pixels = 255 - pictures.shape("disc", (32, 32), place)[0]
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / "other" / f"{place}.png").write_bytes(pictures.png(pixels))
    same = fid(tmp_path / "one", tmp_path / "one", str(folder / "looker"))
    apart = fid(tmp_path / "one", tmp_path / "other", str(folder / "looker"))
    assert same["fid"] == pytest.approx(0.0, abs=1e-6)
    assert apart["fid"] > 0.01
    assert "mean of the last hidden states" in apart["features"]
    assert "16 numbers" in apart["features"]
    assert apart["pictures"] == [40, 40]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no image files"):
        fid(tmp_path / "none", tmp_path / "one", str(folder / "looker"))
    (tmp_path / "other" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"0\.png"):
        fid(tmp_path / "one", tmp_path / "other", str(folder / "looker"))
