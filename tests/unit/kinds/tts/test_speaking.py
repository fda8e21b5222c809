"""What a voice is built from, that it says the same thing twice, who judges it, and what it refuses."""

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
from support import sounds, tiny, voices
from support.kinds import save_listener, sound_recipe

from engram import registry
from engram.artifacts import store
from engram.artifacts.manifest import encode_manifest, parse_manifest
from engram.data.attached import from_url
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.errors import DataError, NotFound, Refused, UnknownName, UsageError, UserError
from engram.evaluate import judge_wer
from engram.files import write_json
from engram.kinds.tts import speak as code
from engram.kinds.tts.settled import masks
from engram.kinds.tts.sounds import griffin_lim, mel
from engram.kinds.tts.texts import in_words, normalised
from engram.schema.codec import to_dict
from engram.schema.options import Options
from engram.schema.recipe import Model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = registry.get("kind", "tts").default_model
VOCODER = "microsoft/speecht5_hifigan"
FORMS = ("voice_sound", "text_sound")
ASK = """
import sys
from engram.kinds.tts.load import load
from engram.kinds.tts.model import answer
from engram.schema.codec import from_dict
from engram.schema.recipe import Adapter, Data, Model, Recipe, Source
recipe = Recipe("t", "tts", "speak", Model(sys.argv[1]), Data((Source("x"),)), adapter=Adapter(r=2))
found = load(recipe, ("ada", "bob"))
(said,) = answer(found, [{"text": "bed", "voice": "bob"}])
sys.stdout.write(f"{found.base.name} {found.base.revision} {type(found.vocoder).__name__} {said['seconds'] > 0}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("voices")
    voices.save_speaker(place / "model")
    return place


@pytest.fixture(scope="module")
def parts(folder):
    recipe = voices.voice_recipe(folder / "model")
    recipe = replace(recipe, data=replace(recipe.data, columns={"label": "speaker"}))
    return voices.voice_parts(folder, recipe, voices=("ada", "bob"))


def loaded_of(folder, labels=(), **more):
    return code.load(voices.voice_recipe(folder / "model", **more), labels)


def cached(hub: Path, name: str, source: Path) -> None:
    root = hub / f"models--{name.replace('/', '--')}"
    shutil.copytree(source, root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)


def test_the_default_model_is_found_in_the_hubs_cache_with_its_vocoder(folder, tmp_path):
    cached(tmp_path / "hub", DEFAULT, folder / "model")
    cached(tmp_path / "hub", VOCODER, voices.save_vocoder(tmp_path / "vocoder"))
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, DEFAULT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{DEFAULT} {COMMIT} SpeechT5HifiGan True"


def test_a_base_that_can_not_be_had_is_said_in_words(folder, tmp_path):
    with pytest.raises(UnknownName, match="Known: speaker"):
        code.find_base(Model("made:nothing"))
    with pytest.raises(UserError, match="holds a bert model, which can't be taught to speak"):
        code.load(voices.voice_recipe(tiny.save_encoder(tmp_path)), ())
    with pytest.raises(UserError, match="5 voices, and this model has room for 4"):
        loaded_of(folder, tuple("abcde"))


def test_it_says_the_same_each_time_whatever_else_draws_random_numbers(folder):
    loaded = loaded_of(folder)
    torch.manual_seed(1)
    (one,) = code.answer(loaded, ["decade"])
    torch.manual_seed(2)
    beside, again = code.answer(loaded, ["ada", "decade"])
    assert again == one
    assert beside["file"] != one["file"]
    content = from_url(one["file"])
    assert content[:4] == b"RIFF"
    assert one["seconds"] == pytest.approx((len(content) - 44) / 2 / 16_000, abs=0.001)


def test_a_longer_table_of_the_pre_nets_dropout_begins_with_the_shorter():
    short, long = (list(masks(2, places, 8, 0.5)) for places in (10, 700))
    assert all(torch.equal(a, b[:10]) for a, b in zip(short, long, strict=True))
    assert not torch.equal(short[0], short[1])


def test_learning_drops_units_and_measuring_does_not_depend_on_chance(folder, parts):
    loaded = loaded_of(folder, parts[0])
    examples = code.prepare(loaded, parts[1]["train"])
    batch = code.collate(loaded, examples, [0, 1])
    found = {}
    for mode in (True, False):
        loaded.model.train(mode)
        with torch.no_grad():
            found[mode] = {float(code.loss(loaded.model, batch)[0]) for _ in range(3)}
    assert len(found[True]) == 3
    assert len(found[False]) == 1


def test_statistics_of_batches_change_nothing_that_is_kept(folder, parts):
    loaded = loaded_of(folder, parts[0])
    before = {name: one.clone() for name, one in loaded.model.named_buffers()}
    loaded.model.train()
    code.loss(loaded.model, code.collate(loaded, code.prepare(loaded, parts[1]["train"]), [0, 1]))
    assert all(torch.equal(one, before[name]) for name, one in loaded.model.named_buffers())


def test_eight_batches_of_one_teach_what_one_batch_of_eight_teaches(folder, parts):
    gradients = []
    for batches in ([[row] for row in range(8)], [list(range(8))]):
        loaded = loaded_of(folder, parts[0], adapter=replace(tiny.LORA, dropout=0.0))
        loaded.model.eval()  # its dropout is drawn for each row by itself, so only without chance are both the same
        examples = code.prepare(loaded, parts[1]["train"])
        for batch in batches:
            code.loss(loaded.model, code.collate(loaded, examples, batch))[0].backward()
        gradients.append({n: p.grad for n, p in loaded.model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], rtol=1e-3, atol=1e-4), name


def test_voices_are_told_apart_and_an_unknown_one_is_refused(folder, parts):
    labels, rows = parts
    assert labels == ("ada", "bob")
    loaded = loaded_of(folder, labels)
    texts = [{"text": "bed", "voice": "ada"}, {"text": "bed", "voice": "bob"}, "bed"]
    ada, bob, nobody = code.answer(loaded, texts)
    assert ada["file"] != bob["file"]
    assert nobody["file"] == ada["file"]
    with pytest.raises(UnknownName, match="Known: ada, bob"):
        code.answer(loaded, [{"text": "bed", "voice": "eve"}])
    batch = code.collate(loaded, code.prepare(loaded, rows["train"]), range(4))
    assert batch["speaker_embeddings"].argmax(1).tolist() == [row.label for row in rows["train"][:4]]


def test_a_text_that_is_too_long_is_refused_and_speech_that_was_cut_off_says_so(folder):
    loaded = loaded_of(folder)
    with pytest.raises(UsageError, match="has 500 characters; at most 398"):
        code.answer(loaded, ["ab" * 250], [Options()])
    with pytest.raises(UsageError, match="at most 2 are"):
        code.answer(loaded, ["bed"], [Options(max_input_tokens=2)])
    with torch.no_grad():
        loaded.inner.speech_decoder_postnet.prob_out.bias.fill_(-9.0)  # it never ends by itself
    (cut,) = code.answer(loaded, ["bed"], [Options(max_new_tokens=4)])
    assert cut["finish_reason"] == "length"
    assert cut["seconds"] < 0.1
    (said,) = code.answer(loaded, ["Bed, 7 €!"])
    assert (said["text"], said["dropped"]) == ("bed, seven!", 1)


def test_numbers_are_words_and_what_can_not_be_said_is_counted():
    cases = {"1,000,001": "one million one", "110": "one hundred ten", "12345678901": "one two three four five six"}
    for given, wanted in cases.items():
        assert in_words(given).startswith(wanted)
    assert normalised("Ｆｕｌｌ—“Ünder”, it’s 3.").text == "full- under, it's three."
    said = normalised("日本 ok")
    assert (said.text, said.dropped, said.whole) == ("ok", 2, 5)
    assert normalised("?!").text == ""


def test_what_is_cut_off_or_left_out_is_counted(folder, parts):
    labels, rows = parts
    recipe = voices.voice_recipe(folder / "model")
    assert set(code.examine(recipe, rows.values(), labels).values()) == {0.0}
    cut = code.examine(replace(recipe, train=replace(recipe.train, max_seq_length=10)), rows.values(), labels)
    assert 0 < cut["lost_seconds_rate"] < 1
    odd = [replace(rows["test"][0], beside={"text": text}) for text in ("€€€€", "be€d", "ab" * 300)]
    found = code.examine(recipe, [odd], labels)
    assert found["untrainable_rows"] == found["too_long_texts"] == 1.0
    assert found["lost_characters_rate"] == pytest.approx(5 / 608)


def test_griffin_lim_gives_back_what_the_spectrogram_says(folder):
    reader = loaded_of(folder).reader
    sound = sounds.tone(440, 0.5)
    frames = mel(reader, sound)
    made = griffin_lim(reader, frames)
    assert np.array_equal(made, griffin_lim(reader, frames))
    assert abs(len(made) - len(sound)) <= reader.sample_stride
    again = mel(reader, made)[: len(frames)]
    loud = frames[: len(again)] > -2
    assert np.abs(again - frames[: len(again)])[loud].mean() < 0.15


def test_a_file_that_is_no_sound_and_a_column_that_is_missing_are_named(tmp_path):
    recipe = voices.voice_recipe("made:speaker")
    voices.write_table(tmp_path, 4)
    (tmp_path / "clips" / "002.wav").write_bytes(b"%PDF-1.7")
    with pytest.raises(DataError, match=r"rows\.csv.*002\.wav' is not a sound file") as told:
        prepare_split(recipe.data, folder=tmp_path, cache=tmp_path / "cache", forms=FORMS)
    assert (told.value.line, told.value.column) == (4, "audio")
    (tmp_path / "rows.csv").write_text("audio\nclips/000.wav\n")
    with pytest.raises((DataError, UsageError), match="text"):
        prepare_split(recipe.data, folder=tmp_path, cache=tmp_path / "cache", forms=FORMS)
    assert not list((tmp_path / "cache").glob("*")) if (tmp_path / "cache").exists() else True


def test_recordings_may_be_named_by_a_pattern_and_their_names_tell_the_text(tmp_path):
    for number in range(12):
        name = f"bed_{'ada' if number % 2 else 'bob'}_{number}"
        (tmp_path / f"{name}.wav").write_bytes(voices.spoken("bed", number))
    recipe = voices.voice_recipe("made:speaker")
    source = replace(recipe.data.sources[0], path="*_ada_*.wav", names="{text}_{speaker}_{take}")
    data = replace(recipe.data, sources=(source,))
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=FORMS)
    assert made.report.rows_kept == 6
    rows = [row for part in made.split.parts.values() for row in read_part(made.folder, part)]
    assert {row.input for row in rows} == {"bed"}
    assert {row.file.name.split("_")[1] for row in rows} == {"ada"}


@pytest.fixture
def judged(folder, tmp_path, monkeypatch):
    """A home with an artifact that hears, and its digest: an untrained listener whose labels are two words."""
    from engram.kinds.audio import classify

    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    recipe = sound_recipe(save_listener(tmp_path / "listener", labels=2), tiny.FULL)
    recipe = replace(recipe, export=("merged",))
    heard = classify.load(recipe, ("bed", "cab"))
    staging = tmp_path / "staging"
    classify.export(heard, "merged", staging / "merged")
    write_json(staging / "recipe.json", to_dict(recipe))
    write_json(staging / "labels.json", ["bed", "cab"])
    about = {"kind": "audio", "task": "classify"}
    _, manifest = store.publish(staging, tmp_path / "artifacts", about, lambda *_: b"{}")
    return manifest.digest


def test_a_judge_of_this_home_hears_every_row_and_its_digest_is_kept(folder, parts, judged):
    labels, rows = parts
    loaded = loaded_of(folder, labels, judge=judged)
    answers = code.predict(loaded, code.prepare(loaded, rows["test"])).answers
    assert set(answers.guesses) <= {"bed", "cab"}
    assert answers.judge == f"{judged} (audio, classify)"
    assert judged in judge_wer.METRIC.method(answers)
    errors = np.mean([guess != text for guess, text in zip(answers.guesses, answers.texts, strict=True)])
    assert judge_wer.compute(answers) == pytest.approx(errors)


def test_a_judge_that_can_not_judge_is_told_before_anything_is_trained(folder, parts, judged, tmp_path):
    labels, rows = parts
    recipe = voices.voice_recipe(folder / "model", judge="sha256:" + "0" * 64)
    with pytest.raises(NotFound, match=r"has no artifact sha256:0+, which evaluate\.judge names"):
        code.examine(recipe, rows.values(), labels)
    manifest = store.folder_of(tmp_path / "artifacts", judged) / "manifest.json"
    said = parse_manifest(manifest.read_bytes())
    manifest.write_bytes(encode_manifest(replace(said, about={"kind": "language", "task": "classify"})))
    with pytest.raises(Refused, match="hears no words"):
        code.examine(voices.voice_recipe(folder / "model", judge=judged), rows.values(), labels)


def test_a_judge_whose_files_were_changed_hears_nothing(folder, parts, judged, tmp_path):
    labels = store.folder_of(tmp_path / "artifacts", judged) / "labels.json"
    labels.chmod(0o600)
    labels.write_text('["cab","bed"]')
    loaded = loaded_of(folder, parts[0], judge=judged)
    with pytest.raises(Refused, match="not what was certified: labels"):
        code.predict(loaded, code.prepare(loaded, parts[1]["test"]))
