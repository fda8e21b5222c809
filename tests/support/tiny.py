"""Tiny models that tests make themselves: random weights, a tokenizer trained on the spot, saved as safetensors."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
)

from engram.data.rows import Row
from engram.schema.recipe import Adapter, Data, Model, Recipe, Source, Train

LABELS = ("delivery", "payment", "praise")
WORDS = {
    "delivery": ("parcel", "late", "courier", "box", "lost", "van"),
    "payment": ("card", "refund", "charged", "invoice", "twice", "bank"),
    "praise": ("thanks", "great", "lovely", "kind", "fast", "happy"),
}
FILLING = ("the", "my", "was", "and", "very", "today", "again", "please", "with", "it")
LORA = Adapter(r=4, alpha=8, dropout=0.1)
FULL = Adapter(type="full")


def sentences(count: int, seed: int = 0, longest: int = 14) -> list[Row]:
    """Return rows of different lengths whose label can be read off their words."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        label = number % len(LABELS)
        own = chance.choices(WORDS[LABELS[label]], k=chance.randint(1, longest // 2))
        words = own + chance.choices(FILLING, k=chance.randint(0, longest // 2))
        chance.shuffle(words)
        rows.append(Row(number, " ".join(words), label))
    return rows


def corpus() -> list[str]:
    """Return the text that the tiny tokenizers learn from."""
    return [row.text for row in sentences(300, seed=99)]


def save_encoder(folder: Path, seed: int = 0) -> Path:
    """Save a BERT of two layers with a WordPiece tokenizer, and return its folder."""
    tokenizer = BertTokenizerFast().train_new_from_iterator(corpus(), vocab_size=200)
    torch.manual_seed(seed)
    BertModel(_bert(len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_causal(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, **config: Any) -> Path:
    """Save a Qwen2 of two layers with a byte-level tokenizer, and return its folder."""
    tokenizer = Qwen2Tokenizer().train_new_from_iterator(corpus(), vocab_size=400)
    torch.manual_seed(seed)
    settings = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        **config,
    )
    Qwen2ForCausalLM(settings).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def bert(dropout: float = 0.0, seed: int = 0, words: int = 50, layers: int = 2) -> BertForSequenceClassification:
    """Return a BERT classifier with random weights, without a tokenizer."""
    torch.manual_seed(seed)
    return BertForSequenceClassification(_bert(words, dropout, layers, num_labels=len(LABELS)))


def recipe(folder: Path | str, adapter: Adapter = LORA, revision: str = "main", **train: Any) -> Recipe:
    """Return a recipe that trains the model in a folder (or hub id)."""
    return Recipe(
        name="tiny",
        kind="language",
        task="classify",
        model=Model(str(folder), revision),
        data=Data(sources=(Source(path="rows.csv"),)),
        adapter=adapter,
        train=Train(**{"precision": "fp32", "max_seq_length": 32, **train}),
    )


def _bert(words: int, dropout: float = 0.0, layers: int = 2, **settings: Any) -> BertConfig:
    return BertConfig(
        vocab_size=words,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,  # far enough from zero that a dozen steps can teach it something
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        **settings,
    )
