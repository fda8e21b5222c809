"""Every export of a recogniser is the recogniser, and a stranger opens it by what the model card says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import sounds, speech, tiny

from engram import registry
from engram.data.attached import to_url
from engram.export.inspect import digests_of
from engram.files import write_json
from engram.kinds.stt import transcribe as code
from engram.kinds.stt.made import make
from engram.kinds.stt.use import how_to_use

pytestmark = pytest.mark.slow  # clean processes and graphs; tests/contract opens what every task exports

FORMATS = ("adapter", "onnx", "merged")  # the last one leaves the model unfit for more
BASES = {
    "speller": (lambda folder: speech.save_speller(folder / "base", seed=3), tiny.FULL, FORMATS[1:]),
    "writer": (lambda folder: speech.save_writer(folder / "base", seed=2), tiny.LORA, ("adapter", "merged")),
    "scribe": (lambda folder: make("scribe"), tiny.FULL, FORMATS[1:]),
}
# What a stranger runs, script after script, in one process: each prints its transcript last.
STRANGER = """
import contextlib, io, json, os, sys

said = {}
for folder, name, script in json.loads(sys.stdin.read()):
    os.chdir(folder)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(script, {})
    said[f"{folder} {name}"] = out.getvalue().rstrip("\\n").splitlines()[-1:] or [""]
print(json.dumps(said))
"""


@pytest.fixture(
    scope="module", params=["speller writer", pytest.param("scribe", marks=pytest.mark.slow)], ids=["tiny", "made"]
)
def exported(request, tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("exports"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGRAM_HOME", str(folder / "home"))
        for kind in request.param.split():
            save, adapter, formats = BASES[kind]
            recipe = speech.recipe(save(folder / kind), adapter)
            recipe = type(recipe)(**{**vars(recipe), "export": formats})
            rows = speech.parts(folder / kind, recipe, 16)["test"]
            loaded = code.load(recipe, ())
            wanted = code.predict(loaded, code.prepare(loaded, rows))
            for name in formats:
                code.export(loaded, name, folder / kind / "artifact" / name)
            write_json(folder / kind / "artifact" / "labels.json", [])
            found.append((folder / kind / "artifact", formats, loaded, rows, wanted))
    return found


def test_every_format_of_the_card_is_the_model(exported):
    for folder, formats, loaded, rows, wanted in exported:
        assert set(formats) <= set(registry.get("kind", "stt").tasks["transcribe"].exports)
        for name in formats:
            again = code.reopen(name, folder / name, loaded.base, (), loaded.recipe, digests_of(folder / name))
            found = code.predict(again, code.prepare(again, rows))
            assert np.abs(found.logits - wanted.logits).max() <= 1e-4, name
            assert found.answers.guesses == wanted.answers.guesses
            assert again.reading.rate == loaded.reading.rate


def test_a_stranger_opens_each_by_the_cards_own_code_and_hears_the_same(exported):
    content = sounds.wav(speech.spoken("dad cab"))
    asked, own = [], {}
    for folder, formats, loaded, _, _ in exported:
        (folder / "speech.wav").write_bytes(content)
        again = code.reopen("merged", folder / "merged", loaded.base, (), loaded.recipe)
        (told,) = code.answer(again, [to_url(content)])
        for name in formats:
            asked.append((str(folder), name, how_to_use(name, "transcribe", {}, loaded.base)))
            own[f"{folder} {name}"] = told["text"]
    done = subprocess.run(
        [sys.executable, "-c", STRANGER],
        input=json.dumps(asked),
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = {key: text for key, (text,) in json.loads(done.stdout.splitlines()[-1]).items()}
    for key, text in said.items():
        if "writer" in key:  # what transformers lets it write has a bound of its own, and random weights never end
            assert text
            assert own[key].startswith(text), key
        else:
            assert text.replace("<unk>", "") == own[key], key
    assert any(own.values())


def test_nothing_that_was_written_could_run(exported):
    for folder, formats, *_ in exported:
        names = {path.suffix for name in formats for path in Path(folder / name).rglob("*") if path.is_file()}
        assert names <= {".json", ".safetensors", ".onnx", ".txt", ".jinja"}
