"""A model that the platform makes itself: a small SpeechT5 with random weights, whose sound is made by Griffin-Lim.

It needs no network and no vocoder, and what it knows it learns from the recipe's rows alone. The same versions of
Engram and of its libraries make the same files, byte by byte.
"""

from __future__ import annotations

import io
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import SpeechT5Config, SpeechT5FeatureExtractor, SpeechT5ForTextToSpeech, SpeechT5Tokenizer

from engram import files
from engram.export.base import quiet
from engram.kinds.tts.texts import LETTERS, MARKS
from engram.lazy import need
from engram.settings import load_settings

FORMAT = "engram.made/1"
SEED = 20_261_126
SPECIAL = 4  # <s>, <pad>, </s> and <unk>, as SpeechT5 numbers them
# Below a ten-thousandth of full scale nothing is heard, and nothing has to be learned.
MEL_FLOOR = 1e-4

PLANS: dict[str, dict[str, Any]] = {
    "speaker": {
        "hidden_size": 96,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 192,
        "decoder_layers": 2,
        "decoder_attention_heads": 4,
        "decoder_ffn_dim": 192,
        "speech_decoder_prenet_units": 64,
        "speech_decoder_postnet_units": 64,
        "speech_decoder_postnet_layers": 3,
        "speaker_embedding_dim": 16,
        "reduction_factor": 2,
        "max_text_positions": 400,
        "max_speech_positions": 1_000,
        "encoder_max_relative_position": 64,
        "vocab_size": SPECIAL + 1 + len(LETTERS + MARKS),
        "use_guided_attention_loss": False,
        **dict.fromkeys(
            ("hidden_dropout", "attention_dropout", "activation_dropout", "positional_dropout", "encoder_layerdrop",
             "decoder_layerdrop", "speech_decoder_postnet_dropout"), 0.0,
        ),
        # Of the half that hears there is nothing in a voice; its sizes must be something.
        "conv_dim": (8,), "conv_kernel": (2,), "conv_stride": (2,), "num_feat_extract_layers": 1,
        "num_conv_pos_embeddings": 2, "num_conv_pos_embedding_groups": 1,
    },
}  # fmt: skip


def make(name: str) -> Path:
    """Return the folder of a made model (``speaker``); it is made once and then found again."""
    plan = {
        "format": FORMAT,
        "name": name,
        "plan": PLANS[name],
        "seed": SEED,
        "versions": {package: version(package) for package in ("torch", "transformers", "sentencepiece")},
    }
    folder = load_settings().home / "models" / files.json_digest(plan).removeprefix("sha256:")
    if not folder.is_dir():
        with files.new_folder(folder) as making, quiet(), torch.random.fork_rng(devices=[]):
            save(making, PLANS[name], SEED)
    return folder


def save(folder: Path, plan: dict[str, Any], seed: int) -> None:
    """Write a SpeechT5 with random weights, its characters and how it reads sounds into a folder.

    Raises MissingExtra without sentencepiece.
    """
    spelling = folder / "spm_char.model"
    spelling.write_bytes(characters())
    tokenizer = SpeechT5Tokenizer(str(spelling))
    torch.manual_seed(seed)
    model: Any = SpeechT5ForTextToSpeech(SpeechT5Config(**plan))
    with torch.no_grad():  # it begins with silence
        model.speech_decoder_postnet.feat_out.bias.fill_(-3.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    reader: Any = SpeechT5FeatureExtractor(mel_floor=MEL_FLOOR)
    reader.save_pretrained(folder)


def characters() -> bytes:
    """Return a sentencepiece model in which each letter and each mark is a piece; the same bytes each time."""
    sentencepiece: Any = need("sentencepiece", extra="tts", why="to spell texts as SpeechT5 does")
    out, alphabet = io.BytesIO(), LETTERS + MARKS
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(alphabet), alphabet]),
        model_writer=out,
        model_type="char",
        vocab_size=SPECIAL + 1 + len(alphabet),
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        character_coverage=1.0,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    return out.getvalue()
