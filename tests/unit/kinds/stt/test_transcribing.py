"""What a recogniser is built from, what it hears, and what it refuses."""

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
from support import sounds, speech, tiny

from engram import registry
from engram.data.attached import to_url
from engram.data.prepare import prepare_split
from engram.errors import DataError, NotFound, UnknownName, UsageError, UserError
from engram.kinds.stt import transcribe as code
from engram.kinds.stt.made import make
from engram.kinds.stt.reading import open_reading
from engram.kinds.stt.source import find_base
from engram.schema.options import Options
from engram.schema.recipe import Model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = registry.get("kind", "stt").default_model
ASK = """
import sys
from engram.kinds.stt.load import load
from engram.schema.codec import from_dict
from engram.schema.recipe import Adapter, Data, Model, Recipe, Source
source = Data((Source("x"),))
recipe = Recipe("t", "stt", "transcribe", Model(sys.argv[1]), source, adapter=Adapter(r=2), export=("merged",))
found = load(recipe)
sys.stdout.write(f"{found.base.name} {found.base.revision} {type(found.inner).__name__}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("speech")
    for norm in ("group", "layer"):
        speech.save_speller(place / norm, norm)
    speech.save_writer(place / "writer")
    return place


@pytest.fixture(scope="module")
def parts(folder):
    return speech.parts(folder, speech.recipe(folder / "layer"))


def asked(text: str, rate: int = 16_000) -> str:
    return to_url(sounds.wav(speech.spoken(text, rate), rate))


def test_the_default_model_is_found_in_the_hubs_cache(folder, tmp_path):
    root = tmp_path / "hub" / f"models--{DEFAULT.replace('/', '--')}"
    shutil.copytree(folder / "writer", root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", ASK, DEFAULT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{DEFAULT} {COMMIT} WhisperForConditionalGeneration"


def test_a_base_that_can_not_be_had_is_said_in_words(tmp_path):
    with pytest.raises(UnknownName, match="Known: scribe"):
        find_base(Model("made:nothing"))
    with pytest.raises(NotFound, match="There is no model folder"):
        find_base(Model("./nowhere"))
    with pytest.raises(UserError, match=r"holds no recogniser of speech|no feature extractor"):
        code.load(speech.recipe(tiny.save_encoder(tmp_path)), ())


def test_a_tokenizer_of_another_model_is_refused(folder, tmp_path):
    shutil.copytree(folder / "layer", tmp_path / "model")
    path = tmp_path / "model" / "vocab.json"
    path.write_text(path.read_text().rstrip().removesuffix("}") + ', "z": 99}')
    with pytest.raises(UserError, match="has the character 99, and the model places for 11"):
        code.load(speech.recipe(tmp_path / "model"), ())


@pytest.mark.parametrize("name", ["group", "layer", "writer"])
def test_what_stands_beside_a_row_changes_nothing_of_its_loss_or_its_answer(folder, parts, name):
    loaded = code.load(speech.recipe(folder / name), ())
    loaded.model.eval()
    examples = code.prepare(loaded, parts["train"][:4])
    with torch.no_grad():
        alone = [float(code.loss(loaded.model, code.collate(loaded, examples, [row]))[0]) for row in range(4)]
        both = float(code.loss(loaded.model, code.collate(loaded, examples, [2, 0, 3, 1]))[0])
    assert both == pytest.approx(sum(alone), rel=1e-5)
    whole = code.predict(loaded, examples)
    single = [code.predict(loaded, code.prepare(loaded, [row])) for row in parts["train"][:4]]
    assert whole.answers.guesses == tuple(one.answers.guesses[0] for one in single)
    assert np.abs(whole.logits - np.concatenate([one.logits for one in single])).max() < 1e-4


def test_a_row_without_targets_teaches_nothing_and_disturbs_nothing(folder, parts):
    for name in ("layer", "writer"):
        loaded = code.load(speech.recipe(folder / name, max_seq_length=45), ())
        examples = code.prepare(loaded, parts["train"][:8])
        cut = [row for row, targets in enumerate(examples.targets) if not targets]
        kept = [row for row, targets in enumerate(examples.targets) if targets]
        assert cut
        assert kept
        with torch.no_grad():
            total, count = code.loss(loaded.model.eval(), code.collate(loaded, examples, [*cut, *kept]))
            own, own_count = code.loss(loaded.model, code.collate(loaded, examples, kept))
            nothing, none = code.loss(loaded.model, code.collate(loaded, examples, cut))
        assert float(total) == pytest.approx(float(own), rel=1e-5)
        assert (count, none, float(nothing)) == (own_count, 0, 0.0)


def test_what_can_not_be_learned_is_counted(folder, parts):
    recipe = speech.recipe(folder / "layer")
    assert code.examine(recipe, parts.values(), ()) == {
        "lost_letters_rate": 0.0, "too_long_rows": 0.0, "untrainable_rows": 0.0,
    }  # fmt: skip
    rows = parts["test"][:3]
    odd = [replace(rows[0], beside={"text": "abz"}), replace(rows[1], beside={"text": "ab" * 200}), *rows[2:]]
    found = code.examine(recipe, [odd], ())
    assert found["untrainable_rows"] == 1.0
    assert 0 < found["lost_letters_rate"] < 0.01
    short = replace(recipe, train=replace(recipe.train, max_seq_length=10))
    assert code.examine(short, [rows], ())["too_long_rows"] == 3.0


def test_a_missing_column_an_empty_file_and_a_file_that_is_none_end_the_import_in_words(folder, tmp_path):
    data = speech.recipe(folder / "layer").data

    def prepare(table: str) -> None:
        (tmp_path / "rows.csv").write_text(table)
        prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=("sound_text",))

    for name, content in (("good", sounds.wav(speech.spoken("ab"))), ("none", b""), ("pdf", b"%PDF-1.7")):
        (tmp_path / f"{name}.wav").write_bytes(content)
    (tmp_path / "silent.wav").write_bytes(sounds.wav(np.zeros(0, dtype=np.float32)))
    with pytest.raises(UserError, match="text"):
        prepare("audio,said\ngood.wav,ab\n")
    for name, said in (
        ("none", "is empty"),
        ("pdf", "no sound file"),
        ("silent", "no samples"),
        ("lost", "there is no"),
    ):
        with pytest.raises(DataError, match=rf"rows\.csv:3, column 'audio': .*{said}"):
            prepare(f"audio,text\ngood.wav,ab\n{name}.wav,ab\n")
    assert not [path for path in (tmp_path / "cache").glob("*") if not path.name.startswith(".")]


def test_another_rate_is_brought_to_the_models_own_or_refused(folder):
    loaded = code.load(speech.recipe(folder / "layer"), ())
    (told,) = code.answer(loaded, [asked("ab ba", 8_000)])
    assert told["seconds"] == pytest.approx(len(speech.spoken("ab ba", 8_000)) / 8_000, abs=0.01)
    step = registry.get("prep step", "sample_rate")
    assert step.apply({"rate": 8_000.0}, step.options(hz=16_000))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7", "it is no sound file that is read here"),
        (sounds.wav(sounds.tone(300))[:4000], "the file is cut off"),
        (sounds.wav(np.zeros(0, dtype=np.float32)), "it holds no samples"),
    ],
)
def test_what_is_no_sound_is_refused_by_its_bytes(folder, content, said):
    loaded = code.load(speech.recipe(folder / "layer"), ())
    with pytest.raises(UsageError, match=said):
        code.answer(loaded, [to_url(content)])


def test_a_recording_that_is_too_long_is_refused_and_not_answered_in_part(folder, monkeypatch):
    loaded = code.load(speech.recipe(folder / "layer"), ())
    with pytest.raises(UsageError, match=r"at most 0\.20 s are heard here"):
        code.answer(loaded, [asked("ab")], [Options(max_input_tokens=10)])
    monkeypatch.setattr("engram.kinds.stt.answering.MOST_SECONDS", 0.5)
    with pytest.raises(UsageError, match=r"at most 0\.50 s"):
        code.answer(loaded, [asked("ab ba")])


def test_a_language_is_for_models_of_several(folder):
    german = speech.recipe(folder / "writer")
    german = replace(german, model=replace(german.model, language="de"))
    with pytest.raises(UserError, match="knows English alone"):
        code.load(german, ())


def test_the_prompt_of_a_model_of_several_languages_names_task_and_language(folder, tmp_path):
    from transformers import GenerationConfig

    shutil.copytree(folder / "writer", tmp_path / "model")
    GenerationConfig(is_multilingual=True).save_pretrained(tmp_path / "model")
    loaded = code.load(speech.recipe(tmp_path / "model"), ())
    words = loaded.script.tokenizer.convert_ids_to_tokens(list(loaded.script.prompt))
    assert words == ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    with pytest.raises(UserError, match=r"knows no <\|xx\|>"):
        other = speech.recipe(tmp_path / "model")
        code.load(replace(other, model=replace(other.model, language="xx")), ())


def test_a_model_that_writes_is_not_asked_for_a_graph(folder):
    recipe = replace(speech.recipe(folder / "writer"), export=("merged", "onnx"))
    for ask in (lambda: code.load(recipe, ()), lambda: code.examine(recipe, [], ())):
        with pytest.raises(UserError, match="can't be had as one graph"):
            ask()


def test_the_made_recogniser_reads_as_transformers_own_extractor_does(monkeypatch, tmp_path):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    reading = open_reading(make("scribe"))
    for count in (1_000, 8_000, 12_345):
        samples = np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)
        theirs = reading.reader(np.pad(samples, (0, max(0, reading.least - count))), sampling_rate=16_000)
        whole = int(np.sum(theirs["attention_mask"]))
        ours = reading.features(samples)
        assert len(ours) == reading.frames(count) == whole
        assert np.abs(ours - np.asarray(theirs["input_features"])[0][:whole]).max() < 1e-3


def test_the_targets_of_a_writer_survive_its_files(folder, tmp_path):
    """Tokenizers of bytes reload as something else where their class is not told, silently."""
    loaded = code.load(speech.recipe(folder / "writer", tiny.FULL), ())
    code.export(loaded, "merged", tmp_path / "merged")
    again = code.reopen("merged", tmp_path / "merged", loaded.base, (), loaded.recipe)
    for text in ("Cab d.", "bad ab", "Ünlike dad"):
        assert again.script.tokens(text) == loaded.script.tokens(text)
        assert again.script.read(again.script.tokens(text)) == text
    assert again.script.prompt == loaded.script.prompt
