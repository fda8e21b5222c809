"""Tiny encoders in the format of sentence-transformers, with the modules that the default model has."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from support import tiny
from transformers import Gemma3TextConfig, Gemma3TextModel, GemmaTokenizer

WIDTH, WIDE = 32, 48
MODULES = ("Transformer", "Pooling", "Dense", "Dense", "Normalize")
PROMPTS = {"query": "task: search result | query: ", "document": "title: none | text: "}


def save_gemma(folder: Path, seed: int = 0, default_prompt: str | None = None) -> Path:
    """Save a Gemma 3 encoder of two layers with pooling, two dense layers and normalisation; return its folder."""
    tokenizer = GemmaTokenizer().train_new_from_iterator(tiny.corpus(), vocab_size=300)
    torch.manual_seed(seed)
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=64,
        sliding_window=16,
        use_bidirectional_attention=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,
    )
    Gemma3TextModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return add_modules(folder, default_prompt)


def add_modules(folder: Path, default_prompt: str | None = None) -> Path:
    """Put modules beside an encoder that stands in a folder."""
    listed = []
    for at, kind in enumerate(MODULES):
        path = f"{at}_{kind}" if at else ""
        listed.append({"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"})
    write(folder / "modules.json", listed)
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True})
    for place, (inputs, outputs) in ((2, (WIDTH, WIDE)), (3, (WIDE, WIDTH))):
        said = {"in_features": inputs, "out_features": outputs, "bias": False}
        activation = "torch.nn.modules.linear.Identity"
        write(folder / f"{place}_Dense" / "config.json", {**said, "activation_function": activation})
        weights = {"linear.weight": torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(place))}
        save_file(weights, folder / f"{place}_Dense" / "model.safetensors", metadata={"format": "pt"})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})
    write(
        folder / "config_sentence_transformers.json",
        {"model_type": "SentenceTransformer", "prompts": PROMPTS, "default_prompt_name": default_prompt},
    )
    return folder


def write(path: Path, value: object) -> None:
    """Write JSON into a file, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
