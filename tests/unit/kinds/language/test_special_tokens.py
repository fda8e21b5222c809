"""Tokens that a recipe adds: they outlive training, export and reopening, with what was learned of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from support import talking, tiny
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    GemmaConfig,
    GemmaForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from engram.errors import UserError
from engram.export.format import BaseRef
from engram.kinds.language import classify
from engram.kinds.language.classify.model import load as load_classifier
from engram.kinds.language.exports import export
from engram.kinds.language.generate.batches import collate
from engram.kinds.language.generate.examples import prepare, voice_of
from engram.kinds.language.generate.model import load, reopen
from engram.kinds.language.generate.scoring import log_probabilities
from engram.kinds.language.generate.writing import write
from engram.kinds.language.load import Loaded
from engram.schema.recipe import Adapter
from engram.train.token_loss import token_loss as loss

TOKENS = ("<context>", "<response>")
PARTS = {"special_tokens": TOKENS, "template": "<context>{prompt}<response>{response}"}
NO_BASE = BaseRef(Path(), "", "", "")
LORA = Adapter(r=4, alpha=8, dropout=0.0)


def save_as(kind: type, config: Any, folder: Path) -> Path:
    """Save a decoder of some family with the tokenizer of the tiny Qwen2."""
    talking.save_causal(folder)
    torch.manual_seed(0)
    kind(config).save_pretrained(folder)
    return folder


def gpt2(folder: Path) -> Path:
    return save_as(GPT2LMHeadModel, GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4, n_positions=128), folder)


def sizes(**more: Any) -> dict[str, Any]:
    own = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return {**own, "vocab_size": 400, "max_position_embeddings": 128, "bos_token_id": None, **more}


def llama(folder: Path) -> Path:
    return save_as(LlamaForCausalLM, LlamaConfig(**sizes(eos_token_id=0, pad_token_id=0)), folder)


def gemma(folder: Path) -> Path:
    heads = {"num_key_value_heads": 2, "head_dim": 8}
    return save_as(GemmaForCausalLM, GemmaConfig(**sizes(**heads, eos_token_id=0, pad_token_id=0)), folder)


def flan(folder: Path) -> Path:
    """Save a T5 as flan-t5 is: its output layer is another than its embedding, and its config does not know it."""
    talking.save_seq2seq(folder, feed_forward_proj="gated-gelu")
    config = json.loads((folder / "config.json").read_text())
    config.pop("scale_decoder_outputs", None)
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    weights = load_file(folder / "model.safetensors")
    torch.manual_seed(5)
    weights["lm_head.weight"] = torch.randn_like(weights["shared.weight"]) * 0.1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


SAVE = {
    "qwen2": lambda folder: talking.save_causal(folder, tie_word_embeddings=True),
    "qwen2 untied": lambda folder: talking.save_causal(folder, tie_word_embeddings=False),
    "qwen2 with spare rows": lambda folder: talking.save_causal(folder, vocab_size=512),
    "gpt2": gpt2,
    "llama": llama,
    "gemma": gemma,
    "t5": talking.save_seq2seq,
    "flan-t5": flan,
}
FAMILIES = pytest.mark.parametrize("family", SAVE)


def step(loaded: Loaded, rows: list[Any], times: int = 3) -> None:
    """Train a little, in plain sight."""
    examples = prepare(loaded, rows)
    learner = torch.optim.SGD([p for p in loaded.model.parameters() if p.requires_grad], lr=0.01)
    loaded.model.train()
    for _ in range(times):
        total, count = loss(loaded.model, collate(loaded, examples, range(len(examples.ids))))
        (total / count).backward()
        learner.step()
        learner.zero_grad()


def embeddings(model: Any) -> torch.Tensor:
    return model.get_input_embeddings().weight.detach().clone()


@FAMILIES
@pytest.mark.parametrize("adapter", [LORA, tiny.FULL], ids=["lora", "full"])
def test_ids_embeddings_and_answers_survive_export_and_reopening(tmp_path, family, adapter):
    folder = SAVE[family](tmp_path / "base")
    rows = talking.chats(8, seed=3)
    loaded = load(talking.recipe(folder, adapter, **PARTS))
    ids = loaded.tokenizer.convert_tokens_to_ids(list(TOKENS))
    examples = prepare(loaded, rows)
    assert all(set(ids) <= {*sequence, *said} for sequence, said in zip(examples.ids, examples.targets, strict=True))
    before = embeddings(loaded.model)[ids]
    step(loaded, rows)
    tuned = embeddings(loaded.model)
    assert (tuned[ids] != before).any(), "new tokens are learned"
    chances, written = log_probabilities(loaded, examples), write(loaded, voice_of(loaded), examples.prompts)
    for name in ("adapter", "merged") if adapter is LORA else ("merged",):
        export(loaded, name, tmp_path / name)
        base = loaded.base if name == "adapter" else NO_BASE
        again = reopen(name, tmp_path / name, base, (), loaded.recipe)
        assert again.tokenizer.convert_tokens_to_ids(list(TOKENS)) == ids
        assert prepare(again, rows) == examples
        torch.testing.assert_close(embeddings(again.model), tuned, atol=1e-6, rtol=0)
        for one, other in zip(log_probabilities(again, examples), chances, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)
        assert write(again, voice_of(again), examples.prompts) == written


@FAMILIES
def test_new_rows_begin_as_the_mean_of_the_old_ones_and_ties_stay(tmp_path, family):
    folder = SAVE[family](tmp_path)
    old = load(talking.recipe(folder, tiny.FULL)).model
    new = load(talking.recipe(folder, tiny.FULL, **PARTS))
    ids = new.tokenizer.convert_tokens_to_ids(list(TOKENS))
    for side in ("get_input_embeddings", "get_output_embeddings"):
        was, now = getattr(old, side)().weight, getattr(new.model, side)().weight
        assert len(now) == max(len(was), len(new.tokenizer))
        torch.testing.assert_close(now[: ids[0]], was[: ids[0]], atol=0, rtol=0)
        torch.testing.assert_close(now[ids], was[: ids[0]].mean(0).expand(2, -1), atol=1e-6, rtol=0)
    tied = {m.get_input_embeddings().weight is m.get_output_embeddings().weight for m in (old, new.model)}
    assert len(tied) == 1
    examples = prepare(new, talking.chats(4))
    plain = prepare(load(talking.recipe(folder, tiny.FULL)), talking.chats(4))
    assert examples.ids != plain.ids
    wanted = log_probabilities(load(talking.recipe(folder, tiny.FULL)), plain)
    assert all(np.isfinite(one).all() for one in [*log_probabilities(new, examples), *wanted])


@pytest.mark.parametrize("family", ["qwen2", "qwen2 untied", "t5"])
def test_an_adapter_holds_the_new_rows_and_not_the_vocabulary(tmp_path, family):
    loaded = load(talking.recipe(SAVE[family](tmp_path / "base"), LORA, **PARTS))
    step(loaded, talking.chats(4))
    export(loaded, "adapter", tmp_path / "adapter")
    kept = {name: tuple(t.shape) for name, t in load_file(tmp_path / "adapter" / "adapter_model.safetensors").items()}
    rows = [shape for name, shape in kept.items() if "lora" not in name]
    assert rows == [(2, 32)] * (2 if "untied" in family else 1)


def test_whoever_opens_the_export_without_engram_gets_the_same_answers(tmp_path):
    for family, opener in (("qwen2", AutoModelForCausalLM), ("t5", AutoModelForSeq2SeqLM)):
        loaded = load(talking.recipe(SAVE[family](tmp_path / family), LORA, **PARTS))
        step(loaded, talking.chats(8), times=20)
        voice, asked = voice_of(loaded), [{"role": "user", "content": "late parcel"}]
        [mine] = write(loaded, voice, [prepare(loaded, talking.chats(1)).prompts[0]])
        text = loaded.tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        [wanted] = write(loaded, voice, [loaded.tokenizer(text)["input_ids"]])
        export(loaded, "adapter", tmp_path / f"{family}-adapter")
        export(loaded, "merged", tmp_path / f"{family}-merged")
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / f"{family}-merged")
        body = opener.from_pretrained(tmp_path / family)
        body.resize_token_embeddings(len(tokenizer))
        for model in (
            opener.from_pretrained(tmp_path / f"{family}-merged"),
            PeftModel.from_pretrained(body, tmp_path / f"{family}-adapter"),
        ):
            inputs = tokenizer.apply_chat_template(
                asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            if family == "t5":  # an encoder's text ends with a token that no template writes
                inputs = tokenizer(text, return_tensors="pt")
            out = model.generate(**inputs, max_new_tokens=8, do_sample=False)
            new = out[0] if family == "t5" else out[0, inputs["input_ids"].shape[1] :]
            stops = {loaded.tokenizer.eos_token_id, loaded.tokenizer.pad_token_id}
            assert voice.read([token for token in new.tolist() if token not in stops]) == wanted.text
        assert mine.prompt_tokens > 0


def test_a_token_that_the_tokenizer_knows_is_not_made_anew(tmp_path):
    folder = talking.save_causal(tmp_path, talking.CHATML)
    loaded = load(talking.recipe(folder, LORA, special_tokens=("<|im_end|>",)))
    plain = load(talking.recipe(folder, LORA))
    assert len(loaded.tokenizer) == len(plain.tokenizer)
    assert not [name for name, p in loaded.model.named_parameters() if p.requires_grad and "lora" not in name]


def test_special_tokens_are_never_split_and_stay_in_texts(tmp_path):
    loaded = load(talking.recipe(talking.save_causal(tmp_path), **PARTS))
    ids = loaded.tokenizer("a<context>b")["input_ids"]
    assert loaded.tokenizer.convert_tokens_to_ids("<context>") in ids
    assert voice_of(loaded).read(ids) == "a<context>b"


@pytest.mark.parametrize("name", ["", " <context>", "<context>\n"])
def test_what_can_be_no_token_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="can't be a token"):
        load(talking.recipe(talking.save_causal(tmp_path), special_tokens=(name,)))


def test_an_output_layer_with_a_bias_is_refused_with_lora_and_trained_in_full(tmp_path):
    config = GPTJConfig(vocab_size=400, n_embd=32, n_layer=1, n_head=4, n_positions=128, rotary_dim=4)
    folder = save_as(GPTJForCausalLM, config, tmp_path)
    with pytest.raises(UserError, match="has a bias"):
        load(talking.recipe(folder, LORA, **PARTS))
    loaded = load(talking.recipe(folder, tiny.FULL, **PARTS))
    bias = loaded.model.get_output_embeddings().bias
    ids = loaded.tokenizer.convert_tokens_to_ids(list(TOKENS))
    torch.testing.assert_close(bias[ids], bias[: ids[0]].mean().expand(2))


def test_a_classifier_learns_special_tokens_too(tmp_path):
    from dataclasses import replace

    recipe = talking.recipe(tiny.save_encoder(tmp_path), LORA, special_tokens=TOKENS)
    loaded = load_classifier(replace(recipe, task="classify"), tiny.LABELS)
    assert loaded.model.get_input_embeddings().weight.shape[0] == len(loaded.tokenizer)
    assert [tuple(p.shape) for name, p in loaded.model.named_parameters() if "trainable_tokens_delta" in name] == [
        (2, 32)
    ]
    assert classify is not None
