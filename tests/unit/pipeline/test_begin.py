"""A run that can't end is not begun: what is missing is told before anything is spent."""

import pytest

from engram.config.load import load_recipe
from engram.errors import MissingExtra, UsageError
from engram.export import format as formats
from engram.pipeline.begin import begin


def test_a_format_whose_packages_are_missing_is_told_before_the_run_is_made(monkeypatch, tmp_path):
    plain = formats.find_spec
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnxruntime" else plain(name))
    with pytest.raises(MissingExtra, match=r"onnx.*needs.*onnxruntime"):
        begin(load_recipe("quickstart", sets=["export=[merged, onnx]"]), tmp_path)
    assert not (tmp_path / "runs").exists()
    assert begin(load_recipe("quickstart", sets=["export=[merged]"]), tmp_path).record().state == "queued"


def test_a_gate_that_is_loosened_is_told_before_the_run_is_made(tmp_path):
    loaded = load_recipe("quickstart", sets=["gates.export=[{metric: lossy_metric_loss, at_most: 0.5}]"])
    with pytest.raises(UsageError, match="loosens"):
        begin(loaded, tmp_path)
    assert not (tmp_path / "runs").exists()
