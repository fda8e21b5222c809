"""A base model becomes a classifier: whatever its family, the same each time, and untouched until it is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support import tiny
from transformers import AutoTokenizer

from engram.errors import UserError
from engram.kinds.language.classify.examples import prepare
from engram.kinds.language.classify.model import load, open_classifier
from engram.kinds.language.classify.model import score as predict
from engram.kinds.language.load import open_tokenizer, tokenizer_of
from engram.train.adapter import trained_weights

SAVE = {"encoder": tiny.save_encoder, "causal": tiny.save_causal}
TEXTS = [*tiny.corpus()[:20], "Ünïcode, naïve – “quoted”\ttabs", "UPPER lower 123"]


@pytest.fixture(scope="module", params=SAVE)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SAVE[request.param](tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("kind", SAVE)
def test_ids_survive_save_and_reload(tmp_path, kind):
    SAVE[kind](tmp_path / "once")
    first = AutoTokenizer.from_pretrained(tmp_path / "once")
    first.save_pretrained(tmp_path / "twice")
    (tmp_path / "twice" / "config.json").write_bytes((tmp_path / "once" / "config.json").read_bytes())
    again = open_tokenizer(tmp_path / "twice")
    assert again(TEXTS)["input_ids"] == first(TEXTS)["input_ids"]
    assert type(again) is type(first)
    assert len({len(ids) for ids in first(TEXTS)["input_ids"]}) > 3
    if kind == "causal":
        assert again.decode(again(TEXTS[-1])["input_ids"]) == TEXTS[-1]


def test_a_model_in_a_folder_answers_with_the_labels_of_the_data(base):
    loaded = load(tiny.recipe(base), tiny.LABELS)
    examples = prepare(loaded, tiny.sentences(9))
    assert predict(loaded, examples).shape == (9, 3)
    assert loaded.model.config.id2label == dict(enumerate(tiny.LABELS))
    assert loaded.base.folder == base
    assert loaded.base.digest.startswith("sha256:")


def test_the_same_recipe_gives_the_same_model_and_another_seed_another_head(base):
    one, two, other = (load(tiny.recipe(base, seed=seed), tiny.LABELS) for seed in (1, 1, 2))
    weights = [trained_weights(loaded.model) for loaded in (one, two, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_an_untouched_adapter_is_the_identity(base):
    """LoRA's second factor begins at zero, so the judge may score the baseline on the very model that is trained."""
    plain = load(tiny.recipe(base, adapter=tiny.FULL), tiny.LABELS)
    tuned = load(tiny.recipe(base, adapter=replace(tiny.LORA, r=4)), tiny.LABELS)
    assert any("lora_" in name for name in trained_weights(tuned.model))
    examples = prepare(plain, tiny.sentences(12))
    np.testing.assert_array_equal(predict(plain, examples), predict(tuned, examples))
    with torch.no_grad():
        next(t for name, t in trained_weights(tuned.model).items() if "lora_B" in name).fill_(0.5)
    assert np.abs(predict(plain, examples) - predict(tuned, examples)).max() > 1e-3


def test_a_base_in_16_bits_is_trained_in_32(tmp_path):
    loaded = load(tiny.recipe(tiny.save_causal(tmp_path, dtype=torch.bfloat16)), tiny.LABELS)
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}


def test_rows_are_cut_where_the_model_ends(base):
    assert load(tiny.recipe(base, max_seq_length=20), tiny.LABELS).max_length == 20
    assert load(tiny.recipe(base, max_seq_length=900), tiny.LABELS).max_length == 64


def test_gradient_checkpointing_is_on_when_it_is_asked_for_and_predictions_work(base):
    loaded = load(tiny.recipe(base, gradient_checkpointing=True), tiny.LABELS)
    assert loaded.model.get_base_model().is_gradient_checkpointing
    plain = load(tiny.recipe(base), tiny.LABELS)
    examples = prepare(loaded, tiny.sentences(5))
    np.testing.assert_allclose(predict(loaded, examples), predict(plain, examples), atol=1e-6)


def test_a_tokenizer_without_padding_pads_with_its_end(tmp_path):
    tiny.save_causal(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config["pad_token"] = None
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert tokenizer_of(tiny.recipe(tmp_path)).pad_token == "<|endoftext|>"


def test_a_model_that_is_no_text_model_is_refused_in_words(tmp_path):
    from transformers import ViTConfig, ViTModel

    small = ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=16)
    ViTModel(small).save_pretrained(tmp_path)
    tokenizer = open_tokenizer(tiny.save_encoder(tmp_path / "words"))
    with pytest.raises(UserError, match="holds a vit model, which can't be made a text classifier"):
        open_classifier(tmp_path, tiny.LABELS, tokenizer)
