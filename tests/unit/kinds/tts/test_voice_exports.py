"""Every export of a voice is the voice, with its vocoder, and a stranger opens it by what the model card says."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from support import tiny, voices
from transformers import AutoConfig

from engram import registry
from engram.export.inspect import find_executables
from engram.kinds.tts import speak as code
from engram.kinds.tts.made import make
from engram.kinds.tts.use import how_to_use

pytestmark = pytest.mark.slow  # clean processes and graphs; tests/contract opens what every task exports


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    model = voices.save_speaker(folder / "model", seed=3)
    voices.save_vocoder(model / "vocoder")
    recipe = voices.voice_recipe(model, tiny.LORA)
    labels, parts = voices.voice_parts(folder, recipe, count=20)
    loaded = code.load(recipe, labels)
    rows = parts["test"][:2]
    wanted = code.predict(loaded, code.prepare(loaded, rows))
    (said,) = code.answer(loaded, ["bed"])
    for name in ("adapter", "merged"):  # the last one leaves the model unfit for more
        code.export(loaded, name, folder / "artifact" / name)
    return folder / "artifact", loaded, recipe, rows, wanted, said


def test_every_format_of_the_card_is_the_voice_and_has_its_vocoder(exported):
    folder, loaded, recipe, rows, wanted, said = exported
    assert sorted(path.name for path in folder.iterdir()) == list(registry.get("kind", "tts").tasks["speak"].exports)
    for name in ("adapter", "merged"):
        again = code.reopen(name, folder / name, loaded.base, loaded.labels, recipe)
        found = code.predict(again, code.prepare(again, rows))
        assert np.abs(found.logits - wanted.logits).max() <= 1e-4, name
        assert np.abs(found.answers.distances - wanted.answers.distances).max() <= 0.01, name
        assert type(again.vocoder).__name__ == "SpeechT5HifiGan"
        assert code.answer(again, ["bed"])[0]["seconds"] == said["seconds"]
    assert find_executables(folder, recipe.export) == []


def test_what_is_written_is_plain_speecht5(exported):
    folder = exported[0]
    assert AutoConfig.from_pretrained(folder / "merged").architectures == ["SpeechT5ForTextToSpeech"]


@pytest.mark.parametrize("name", ["adapter", "merged"])
def test_a_stranger_opens_each_by_the_cards_own_code_and_it_speaks(exported, name):
    folder, loaded = exported[:2]
    script = how_to_use(name, "speak", {}, loaded.base)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(", 80)")
    assert (folder / "speech.wav").stat().st_size > 1_000
    (folder / "speech.wav").unlink()


def test_the_made_speaker_is_made_once_and_is_the_same_wherever_it_is_made(tmp_path, monkeypatch):
    found = []
    for home in ("one", "other"):
        monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / home))
        folder = make("speaker")
        assert make("speaker") == folder
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert found[0] == found[1]
    assert {"config.json", "model.safetensors", "spm_char.model", "preprocessor_config.json"} <= set(found[0])
