"""What an encoder is made of, how its exports are opened by others, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import encoders, talking, tiny

from engram import registry
from engram.errors import NotFound, Refused, UnknownName, UsageError, UserError
from engram.kinds.embedding import embed as code
from engram.kinds.embedding.modules import read_plan
from engram.schema.options import Options
from engram.schema.recipe import Model, PrepStep

TEXTS = ["my parcel was late", "the card was charged twice, please refund", "thanks"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = registry.get("kind", "embedding").default_model
ASK = """
import sys
from engram.kinds.embedding.embed import answer, load
from engram.schema.recipe import Adapter, Data, Model, Recipe, Source
recipe = Recipe("t", "embedding", "embed", Model(sys.argv[1]), Data((Source("x"),)), adapter=Adapter(r=2))
found = load(recipe, ())
sys.stdout.write(f"{found.base.name} {found.base.revision} {len(answer(found, ['late'])[0]['vector'])}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("encoders")
    encoders.save_gemma(place / "gemma", default_prompt="query")
    tiny.save_encoder(place / "bert")
    return place


def recipe_of(base: Path, adapter=tiny.LORA):
    recipe = tiny.recipe(base, replace(adapter, dropout=0.0) if adapter.type == "lora" else adapter)
    return replace(recipe, kind="embedding", task="embed", prep=(PrepStep("contrast", {"pairs": 4}),))


def moved(loaded):
    """Change what training changes, as a training would."""
    import torch

    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return loaded


def vectors_of(loaded, texts=TEXTS):
    return np.array([one["vector"] for one in code.answer(loaded, texts)])


def test_the_default_model_is_found_in_the_hubs_cache_with_its_modules(folder, tmp_path):
    root = tmp_path / "hub" / f"models--{DEFAULT.replace('/', '--')}"
    shutil.copytree(folder / "gemma", root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", ASK, DEFAULT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{DEFAULT} {COMMIT} {encoders.WIDTH}"


@pytest.mark.parametrize(("name", "adapter"), [("gemma", tiny.FULL), ("bert", tiny.LORA)])
def test_sentence_transformers_opens_the_merged_export_and_gives_the_same_vectors(folder, tmp_path, name, adapter):
    peer = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    loaded = moved(code.load(recipe_of(folder / name, adapter), ()))
    before = vectors_of(code.load(recipe_of(folder / name, adapter), ()))
    wanted = vectors_of(loaded)
    assert np.abs(wanted - before).max() > 1e-3
    code.export(loaded, "merged", tmp_path / "merged")
    opened = peer.SentenceTransformer(str(tmp_path / "merged"), device="cpu")
    assert np.abs(opened.encode(TEXTS) - wanted).max() < 1e-5
    assert opened.max_seq_length == loaded.max_length
    assert np.linalg.norm(wanted, axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_sentence_transformers_puts_the_adapter_on_as_the_model_card_says(folder, tmp_path):
    peer = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    loaded = moved(code.load(recipe_of(folder / "gemma"), ()))
    code.export(loaded, "adapter", tmp_path / "adapter")
    opened = peer.SentenceTransformer(str(folder / "gemma"), device="cpu")
    opened.load_adapter(str(tmp_path / "adapter"))
    assert np.abs(opened.encode(TEXTS) - vectors_of(loaded)).max() < 1e-5


@pytest.mark.slow
def test_a_graph_gives_the_vectors_of_the_model(folder, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    recipe = recipe_of(folder / "gemma")
    loaded = moved(code.load(recipe, ()))
    wanted = vectors_of(loaded)
    code.export(loaded, "onnx", tmp_path / "onnx")
    again = code.reopen("onnx", tmp_path / "onnx", loaded.base, (), recipe)
    assert np.abs(vectors_of(again) - wanted).max() < 1e-5
    assert again.max_length == loaded.max_length


def test_a_text_that_is_too_long_is_refused_and_one_that_is_none(folder):
    loaded = code.load(recipe_of(folder / "bert"), ())
    long = " ".join(["parcel"] * 80)
    with pytest.raises(UsageError, match=f"at most {loaded.max_length} are read here"):
        code.answer(loaded, [long], [Options()])
    with pytest.raises(UsageError, match="at most 3 are read"):
        code.answer(loaded, ["late parcel lost"], [Options(max_input_tokens=3)])
    for bad in (7, "", "  ", None, ["late"]):
        with pytest.raises(UsageError, match="must be a text"):
            code.answer(loaded, [bad])
    assert code.answer(loaded, []) == []


def test_the_digest_of_a_base_covers_its_modules(folder, tmp_path):
    shutil.copytree(folder / "gemma", tmp_path / "gemma")
    before = code.find_base(Model(str(tmp_path / "gemma"))).digest
    weights = tmp_path / "gemma" / "3_Dense" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert code.find_base(Model(str(tmp_path / "gemma"))).digest != before


@pytest.mark.parametrize(
    ("file", "change", "error", "told"),
    [
        ("modules.json", lambda said: [*said, {"path": "9", "type": "x.models.LSTM"}], UserError, "LSTM"),
        ("modules.json", lambda said: [*said[:2], {**said[2], "path": "../x"}], Refused, "outside"),
        ("1_Pooling/config.json", lambda said: {"pooling_mode_weightedmean_tokens": True}, UserError, "pools by"),
        ("1_Pooling/config.json", lambda said: {**said, "pooling_mode_cls_token": True}, UserError, "pools by"),
        ("2_Dense/config.json", lambda said: {**said, "activation_function": "os.system"}, UserError, "activation"),
        ("2_Dense/config.json", lambda said: {**said, "out_features": 7}, UserError, "does not hold the weights"),
    ],
)
def test_modules_that_would_give_other_vectors_are_refused(folder, tmp_path, file, change, error, told):
    shutil.copytree(folder / "gemma", tmp_path / "gemma")
    path = tmp_path / "gemma" / file
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(error, match=told):
        read_plan(tmp_path / "gemma")
        code.load(recipe_of(tmp_path / "gemma"), ())


def test_a_base_that_can_not_be_had_or_is_no_encoder_is_said_in_words(tmp_path):
    with pytest.raises(NotFound, match="There is no model folder"):
        code.find_base(Model("./nowhere"))
    with pytest.raises(UnknownName, match="Known: minilm"):
        code.find_base(Model("embedded:nothing"))
    decoding = recipe_of(talking.save_seq2seq(tmp_path / "t5"))
    with pytest.raises(UserError, match="needs a decoder's input"):
        code.load(decoding, ())
