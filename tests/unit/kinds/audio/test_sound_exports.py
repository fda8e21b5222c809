"""Every export of a sound model is the model, and a stranger opens it by what the model card says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import sounds, tiny
from support.kinds import save_listener, sound_parts, sound_recipe

from engram import registry
from engram.data.attached import to_url
from engram.export.inspect import digests_of
from engram.files import write_json
from engram.kinds.audio import classify as code
from engram.kinds.audio.made import make
from engram.kinds.audio.use import how_to_use

FORMATS = ("adapter", "onnx", "merged")  # the last one leaves the model unfit for more
BASES = {
    "masked": (lambda folder: save_listener(folder / "masked", "layer", seed=3), tiny.LORA, FORMATS),
    "listener": (lambda folder: make("listener"), tiny.FULL, FORMATS[1:]),
}


@pytest.fixture(scope="module", params=BASES)
def exported(request, tmp_path_factory, monkeypatch_module):
    folder = tmp_path_factory.mktemp(request.param)
    monkeypatch_module.setenv("ENGRAM_HOME", str(folder / "home"))
    save, adapter, formats = BASES[request.param]
    recipe = sound_recipe(save(folder), adapter)
    labels, parts = sound_parts(folder, recipe)
    loaded = code.load(recipe, labels)
    wanted = code.predict(loaded, code.prepare(loaded, parts["test"]))
    for name in formats:
        code.export(loaded, name, folder / "artifact" / name)
    write_json(folder / "artifact" / "labels.json", list(labels))
    return folder / "artifact", loaded, recipe, parts["test"], wanted


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def formats_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_every_format_of_the_card_is_the_model(exported):
    folder, loaded, recipe, rows, wanted = exported
    assert set(formats_of(folder)) <= set(registry.get("kind", "audio").tasks["classify"].exports)
    for name in formats_of(folder):
        again = code.reopen(name, folder / name, loaded.base, loaded.labels, recipe, digests_of(folder / name))
        found = code.predict(again, code.prepare(again, rows))
        assert np.abs(found.logits - wanted.logits).max() <= 1e-4, name
        assert again.reading.rate == loaded.reading.rate


def test_a_stranger_opens_each_by_the_cards_own_code_and_hears_the_same(exported):
    folder, loaded, _, _, _ = exported
    content = sounds.wav(sounds.tone(1800, 0.4, loaded.reading.rate), loaded.reading.rate)
    (folder / "sound.wav").write_bytes(content)
    reopened = code.reopen("merged", folder / "merged", loaded.base, loaded.labels, loaded.recipe)
    (own,) = code.answer(reopened, [to_url(content)])
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    for name in formats_of(folder):
        script = how_to_use(name, "classify", {}, loaded.base)
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().splitlines()[-1] == own["label"], name
