"""Tiny models that write, and conversations for them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from support import tiny
from transformers import (
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

from engram.data.rows import ChatRow
from engram.kinds.language.made import word_pieces
from engram.schema.recipe import Adapter, Evaluate, Model, Recipe

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As CHATML, and it takes the reasoning out of all answers but the last.
FORGETFUL = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ANSWERS = {"delivery": "your parcel is late", "payment": "the card is charged again", "praise": "thanks, very kind"}


def chats(count: int, seed: int = 0, turns: int = 1) -> list[ChatRow]:
    """Return conversations whose answers can be told from the words that are asked."""
    rows = []
    asked = tiny.sentences(count * turns, seed)
    for number in range(count):
        messages: list[dict[str, str]] = []
        for row in asked[number * turns : (number + 1) * turns]:
            messages.append({"role": "user", "content": row.text})
            messages.append({"role": "assistant", "content": ANSWERS[tiny.LABELS[row.label]]})
        rows.append(ChatRow(number, tuple(messages)))
    return rows


def plain_texts(count: int, seed: int = 0) -> list[ChatRow]:
    """Return texts to continue."""
    return [ChatRow(row.id, ({"role": "assistant", "content": row.text},)) for row in tiny.sentences(count, seed)]


def corpus() -> list[str]:
    """Return the text that the tokenizers learn from."""
    return [*tiny.corpus(), *ANSWERS.values()] * 3


def save_seq2seq(folder: Path, seed: int = 0, **config: Any) -> Path:
    """Save a T5 of two layers on each side, and return its folder."""
    tokenizer = T5Tokenizer(vocab=word_pieces(corpus(), 500), extra_ids=0)
    torch.manual_seed(seed)
    settings = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        decoder_start_token_id=0,
        **config,
    )
    T5ForConditionalGeneration(settings).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_causal(folder: Path, template: str | None = None, seed: int = 0, **config: Any) -> Path:
    """Save a Qwen2 of two layers, with a chat template when one is given, and return its folder."""
    tokenizer = Qwen2Tokenizer().train_new_from_iterator(corpus(), vocab_size=400, show_progress=False)
    if template is not None:
        tokenizer.chat_template = template
        tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    torch.manual_seed(seed)
    settings = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "initializer_range": 0.2,
    }
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    own = {"vocab_size": len(tokenizer), **settings, **ends, **config}
    Qwen2ForCausalLM(Qwen2Config(**own)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def recipe(folder: Path | str, adapter: Adapter = tiny.LORA, **parts: Any) -> Recipe:
    """Return a recipe that teaches the model in a folder to answer.

    parts: keys of Train, and special_tokens, template, metrics and max_new_tokens.
    """
    model = {name: parts.pop(name) for name in ("special_tokens", "template") if name in parts}
    evaluate = {name: parts.pop(name) for name in ("metrics", "max_new_tokens") if name in parts}
    made = tiny.recipe(folder, adapter, **{"max_seq_length": 64, **parts})
    return replace(
        made,
        task="generate",
        model=Model(str(folder), **model),
        evaluate=Evaluate(**{"max_new_tokens": 8, **evaluate}),
    )


def shuffled(rows: list[ChatRow], seed: int) -> list[ChatRow]:
    """Return the rows in another order."""
    return random.Random(seed).sample(rows, len(rows))
