"""Vision models as graphs: onnxruntime answers what the model answers, for any number of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from support.kinds import image_parts, image_recipe, save_looker, save_yolos

from engram.kinds.vision.classify import code as classify
from engram.kinds.vision.detect import code as detect
from engram.schema.recipe import Adapter

pytestmark = pytest.mark.slow  # clean processes and graphs; tests/contract opens what every task exports

pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")


@pytest.mark.parametrize("task", ["classify", "detect", "made"])
def test_a_graph_answers_as_its_model(task, tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "home"))
    code = classify if task == "classify" else detect
    model = {"classify": save_looker, "detect": save_yolos}.get(task, lambda folder: "made:spotter")(tmp_path / "model")
    recipe = image_recipe(model, code.__name__.split(".")[-2], Adapter(type="full"))
    labels, parts = image_parts(tmp_path, recipe, 20)
    loaded = code.load(recipe, labels)
    wanted = code.predict(loaded, code.prepare(loaded, parts["test"]))
    code.export(loaded, "onnx", tmp_path / "onnx")
    again = code.reopen("onnx", tmp_path / "onnx", loaded.base, tuple(labels), recipe)
    found = code.predict(again, code.prepare(again, parts["test"]))
    assert np.abs(found.logits - wanted.logits).max() <= 1e-4
