"""A base becomes a model that writes, whatever its family; what can't write is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support import talking, tiny
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartTokenizer,
    BertConfig,
    BertLMHeadModel,
    BertModel,
    ViTConfig,
    ViTModel,
)

from engram.errors import UserError
from engram.kinds.language.code import task
from engram.kinds.language.generate.baselines import baselines
from engram.kinds.language.generate.batches import scoring_batches
from engram.kinds.language.generate.examples import prepare
from engram.kinds.language.generate.model import answer, load, open_generator
from engram.schema.recipe import Adapter
from engram.train.adapter import trained_weights
from engram.train.token_loss import token_loss as loss

NAMES = {
    "ANSWERS", "answer", "baselines", "collate", "examine", "export", "find_base", "load", "loss", "predict", "prepare",
    "reopen", "scoring_batches", "tokenise", "tokenizer_of",
}  # fmt: skip


def test_the_task_has_every_name_that_the_pipeline_calls():
    assert set(task("generate").__all__) == NAMES | {"render"}
    assert set(task("classify").__all__) == NAMES


def test_an_encoder_is_refused_in_words(tmp_path):
    with pytest.raises(UserError, match="holds a bert model, which can't write texts") as caught:
        load(talking.recipe(tiny.save_encoder(tmp_path)))
    assert "T5" in caught.value.remedy


def test_a_model_that_looks_one_way_is_no_encoder_whatever_its_family(tmp_path):
    config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64)
    BertModel(config).save_pretrained(tmp_path / "both")
    config.is_decoder = True
    BertLMHeadModel(config).save_pretrained(tmp_path / "one")
    assert isinstance(open_generator(tmp_path / "one"), BertLMHeadModel)
    with pytest.raises(UserError):
        open_generator(tmp_path / "both")


def test_an_architecture_without_words_is_refused(tmp_path):
    config = ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64, image_size=32)
    ViTModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="holds a vit model"):
        open_generator(tmp_path)


@pytest.mark.parametrize("adapter", [tiny.LORA, tiny.FULL], ids=["lora", "full"])
@pytest.mark.parametrize("save", [talking.save_causal, talking.save_seq2seq], ids=["causal", "seq2seq"])
def test_the_same_recipe_gives_the_same_model(tmp_path: Path, save, adapter: Adapter):
    folder = save(tmp_path)
    recipe = talking.recipe(folder, adapter, special_tokens=("<context>",))
    one, two = (trained_weights(load(recipe).model) for _ in range(2))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_weights_are_fp32_however_the_base_is_stored(tmp_path):
    talking.save_causal(tmp_path)
    open_generator(tmp_path).to(torch.bfloat16).save_pretrained(tmp_path)
    assert {p.dtype for p in open_generator(tmp_path).parameters()} == {torch.float32}


def test_gradient_checkpointing_changes_no_gradient(tmp_path):
    folder = talking.save_causal(tmp_path)
    found = []
    for checkpointing in (False, True):
        loaded = load(talking.recipe(folder, Adapter(r=4), gradient_checkpointing=checkpointing))
        examples = prepare(loaded, talking.chats(5))
        loaded.model.train()
        for batch in scoring_batches(loaded, examples):
            loss(loaded.model, batch)[0].backward()
        found.append({name: p.grad for name, p in loaded.model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(torch.allclose(found[0][name], found[1][name], atol=1e-5) for name in found[0])


def test_another_encoder_decoder_reads_its_own_marks(tmp_path):
    """BART puts a token in front of everything, its answers included, and begins to write from another one."""
    tokenizer = BartTokenizer().train_new_from_iterator(talking.corpus(), vocab_size=400, show_progress=False)
    tokenizer.save_pretrained(tmp_path)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    size = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4}
    more = {"decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64}
    marks = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": tokenizer.pad_token_id}
    config = BartConfig(vocab_size=len(tokenizer), **size, **more, **marks, decoder_start_token_id=end)
    BartForConditionalGeneration(config).save_pretrained(tmp_path)
    loaded = load(talking.recipe(tmp_path, metrics=("bleu",)))
    examples = prepare(loaded, talking.chats(3))
    assert {(ids[0], ids[-1]) for ids in [*examples.ids, *examples.targets]} == {(begin, end)}
    for batch in scoring_batches(loaded, examples):
        assert set(batch["decoder_input_ids"][:, 0].tolist()) == {end}
        assert torch.isfinite(loss(loaded.model, batch)[0])
    answers = baselines(loaded, prepare(loaded, talking.chats(30, seed=1)), examples)["ngram"]
    assert set(answers.guesses) <= set(talking.ANSWERS.values())
    assert len(answer(loaded, ["late"])) == 1
