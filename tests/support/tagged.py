"""Tagged rows and tiny models of more families, for the task tag."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from support import tiny
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

from engram.data.rows import TagRow
from engram.schema.recipe import Adapter, Recipe

LABELS = ("O", "B-place", "I-place", "B-thing", "I-thing")
NAMES = {"place": ("porto", "new", "york", "lisbon"), "thing": ("parcel", "box", "letter", "van")}
_ENDS = {"bos_token_id": 0, "eos_token_id": 0}
FILLING = ("the", "was", "sent", "to", "from", "and", "again", "today")


def rows(count: int, seed: int = 0, longest: int = 12) -> list[TagRow]:
    """Return rows of different lengths whose tags can be read off their words."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        words: list[str] = []
        tags: list[str] = []
        while not words or len(words) < chance.randint(1, longest):
            kind = chance.choice(("place", "thing", "O", "O"))
            some = chance.choices(NAMES.get(kind, FILLING), k=chance.randint(1, 2))
            words += some
            tags += ["O"] * len(some) if kind == "O" else [f"B-{kind}", f"I-{kind}"][: len(some)]
        made.append(TagRow(number, tuple(words), tuple(LABELS.index(tag) for tag in tags)))
    return made


def corpus() -> list[str]:
    """Return the text that the tiny tokenizers learn from."""
    return [row.text for row in rows(200, seed=99)] + tiny.corpus()


def recipe(folder: Path | str, adapter: Adapter = tiny.LORA, **train: Any) -> Recipe:
    """Return a recipe that tags with the model in a folder."""
    return replace(tiny.recipe(folder, adapter, **{"max_seq_length": 64, **train}), task="tag")


def save_gpt2(folder: Path, seed: int = 0) -> Path:
    """Save a GPT-2 of one layer with its byte-level tokenizer, which has no padding token."""
    tokenizer = GPT2Tokenizer().train_new_from_iterator(corpus(), vocab_size=400)
    torch.manual_seed(seed)
    settings = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=4, n_positions=64, **_ENDS)
    return _save(GPT2LMHeadModel(settings), tokenizer, folder)


def save_t5(folder: Path, seed: int = 0) -> Path:
    """Save a T5 of one layer a side with its SentencePiece-like tokenizer."""
    tokenizer = T5Tokenizer().train_new_from_iterator(corpus(), vocab_size=300)
    torch.manual_seed(seed)
    settings = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, decoder_start_token_id=0
    )
    return _save(T5ForConditionalGeneration(settings), tokenizer, folder)


def save_roberta(folder: Path, seed: int = 0) -> Path:
    """Save a RoBERTa of one layer with its byte-level tokenizer."""
    tokenizer = RobertaTokenizer().train_new_from_iterator(corpus(), vocab_size=400)
    torch.manual_seed(seed)
    settings = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=66,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _save(RobertaModel(settings), tokenizer, folder)


FAMILIES = {
    "encoder": tiny.save_encoder,
    "causal": tiny.save_causal,
    "gpt2": save_gpt2,
    "t5": save_t5,
    "roberta": save_roberta,
}


def _save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
