"""A model that the platform makes itself: a small recogniser with random weights, which spells what it hears.

It needs no network, and what it knows it learns from the recipe's rows alone. The same versions of Engram and of its
libraries make the same files, byte by byte.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

import torch
from transformers import (
    SeamlessM4TFeatureExtractor,
    Wav2Vec2BertConfig,
    Wav2Vec2BertForCTC,
    Wav2Vec2BertProcessor,
    Wav2Vec2CTCTokenizer,
)

from engram import files
from engram.export.base import quiet
from engram.settings import load_settings

FORMAT = "engram.made/1"
SEED = 20_261_126
RATE, BANDS, STRIDE = 16_000, 40, 4
BLANK, SPACE, UNKNOWN = "<pad>", "|", "<unk>"
VOCABULARY = (BLANK, UNKNOWN, SPACE, *ascii_lowercase, *digits, "'")

# A conformer over a spectrogram of 40 bands, 25 frames a second: what w2v-bert is, but small.
# Weights begin wider than in large models, or so narrow a one would say nothing but blanks for its first epochs.
PLANS: dict[str, dict[str, Any]] = {
    "scribe": {
        "hidden_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 192,
        "feature_projection_input_dim": BANDS * STRIDE,
        "conv_depthwise_kernel_size": 15,
        "initializer_range": 0.1,
        "left_max_position_embeddings": 32,
        "right_max_position_embeddings": 32,
        "hidden_dropout": 0.1,
        **dict.fromkeys(
            ("attention_dropout", "activation_dropout", "feat_proj_dropout", "final_dropout", "conformer_conv_dropout"),
            0.0,
        ),
        "layerdrop": 0.0,
        "apply_spec_augment": False,
        "vocab_size": len(VOCABULARY),
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": None,
    },
}


def make(name: str) -> Path:
    """Return the folder of a made model (``scribe``); it is made once and then found again."""
    plan = {
        "format": FORMAT,
        "name": name,
        "plan": PLANS[name],
        "vocabulary": VOCABULARY,
        "seed": SEED,
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
    folder = load_settings().home / "models" / files.json_digest(plan).removeprefix("sha256:")
    if not folder.is_dir():
        with files.new_folder(folder) as making, quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            Wav2Vec2BertForCTC(Wav2Vec2BertConfig(**PLANS[name])).save_pretrained(making)
            reads: Any = SeamlessM4TFeatureExtractor
            joins: Any = Wav2Vec2BertProcessor
            reader = reads(feature_size=BANDS, num_mel_bins=BANDS, stride=STRIDE)
            joins(feature_extractor=reader, tokenizer=spelling(VOCABULARY)).save_pretrained(making)
    return folder


def spelling(vocabulary: tuple[str, ...]) -> Any:
    """Return the tokenizer of a model that spells with these characters."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.json"
        files.write_json(path, {one: number for number, one in enumerate(vocabulary)})
        spells: Any = Wav2Vec2CTCTokenizer
        return spells(
            str(path), bos_token=None, eos_token=None, pad_token=BLANK, unk_token=UNKNOWN, word_delimiter_token=SPACE
        )
