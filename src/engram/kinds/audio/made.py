"""A model that the platform makes itself: a small listener with random weights, for sounds of up to a second.

It needs no network, and what it knows it learns from the recipe's rows alone. The same versions of Engram and of its
libraries make the same files, byte by byte.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForAudioClassification

from engram import files
from engram.export.base import quiet
from engram.settings import load_settings

FORMAT = "engram.made/1"
SEED = 20_261_126
RATE, SECONDS, BANDS, POSITIONS_A_SECOND = 16_000, 1, 40, 50

# Two convolutions over a spectrogram of 40 bands, then two layers of attention: what Whisper's encoder is, but small.
# Weights begin wider than in large models, or so narrow a one would learn next to nothing for its first epochs.
PLANS: dict[str, dict[str, Any]] = {
    "listener": {
        "num_mel_bins": BANDS,
        "d_model": 64,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 128,
        "max_source_positions": SECONDS * POSITIONS_A_SECOND,
        "classifier_proj_size": 64,
        "init_std": 0.1,
        "dropout": 0.0,
        # Of the half that writes there is nothing in a classifier; its sizes must be something.
        "decoder_layers": 1,
        "decoder_attention_heads": 1,
        "decoder_ffn_dim": 1,
        "max_target_positions": 1,
        "vocab_size": 1,
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 0),
    },
}


def make(name: str) -> Path:
    """Return the folder of a made model (``listener``); it is made once and then found again."""
    plan = {
        "format": FORMAT,
        "name": name,
        "plan": PLANS[name],
        "seed": SEED,
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
    folder = load_settings().home / "models" / files.json_digest(plan).removeprefix("sha256:")
    if not folder.is_dir():
        with files.new_folder(folder) as making, quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            WhisperForAudioClassification(WhisperConfig(**PLANS[name])).save_pretrained(making)
            of: Any = WhisperFeatureExtractor
            reader = of(feature_size=BANDS, sampling_rate=RATE, chunk_length=SECONDS)
            reader.save_pretrained(making)
    return folder
