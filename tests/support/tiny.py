"""Tiny models that tests make themselves: random weights, a tokenizer trained on the spot, saved as safetensors."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizerFast,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MPNetConfig,
    MPNetForTokenClassification,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
    RobertaConfig,
    RobertaForTokenClassification,
    T5Config,
    T5ForConditionalGeneration,
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


_SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
_GROUPED = {**_SHAPE, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_GPT2 = {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1}
_T5 = {"vocab_size": 60, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
_DROPOUT = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_NO_DROPOUT = dict.fromkeys(_DROPOUT, 0.0)
# family → how to make one that answers tokens; vocabulary of 60, 0 is padding
FAMILIES = {
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**_GROUPED)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**_GROUPED, tie_word_embeddings=True)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(**_GPT2, eos_token_id=2, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
    ),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**_GROUPED, head_dim=8, sliding_window=4)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**_GROUPED, head_dim=8, sliding_window=4)),
    "bert": lambda: BertForTokenClassification(BertConfig(**_SHAPE, **_NO_DROPOUT, num_labels=5)),
    "roberta": lambda: RobertaForTokenClassification(RobertaConfig(**_SHAPE, **_NO_DROPOUT, pad_token_id=0)),
    "t5": lambda: T5ForConditionalGeneration(T5Config(**_T5, dropout_rate=0.0, decoder_start_token_id=0)),
}
# peft's word for what each family does
TASK_TYPE = {
    **dict.fromkeys(FAMILIES, "CAUSAL_LM"),
    **dict.fromkeys(("bert", "roberta"), "TOKEN_CLS"),
    "t5": "SEQ_2_SEQ_LM",
}
# Models whose rows can't be packed exactly.
UNPACKABLE = {
    "mpnet": lambda: MPNetForTokenClassification(MPNetConfig(**_SHAPE, **_NO_DROPOUT)),
    "mamba": lambda: MambaForCausalLM(MambaConfig(vocab_size=60, hidden_size=32, num_hidden_layers=2)),
}


def family(name: str, seed: int = 0) -> Any:
    """Return a tiny model of a family with random weights, far enough from zero that rows would disturb each other."""
    torch.manual_seed(seed)
    model = {**FAMILIES, **UNPACKABLE}[name]()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


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
