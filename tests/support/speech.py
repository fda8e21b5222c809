"""Recordings and recognisers that tests make themselves: letters as tones, and tiny models that spell or write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import sounds, tiny
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from engram import files
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.schema.recipe import Adapter, Data, Model, PrepStep, Recipe, Source, SplitPlan, Train

PITCHES = {"a": 300.0, "b": 700.0, "c": 1500.0, "d": 2900.0}
LETTER_SECONDS, GAP_SECONDS, SPACE_SECONDS = 0.12, 0.06, 0.2
SECONDS = 4  # that the tiny Whisper reads at once
TEXTS = ("a b", "ab ba", "c", "dad", "cab d", "bad ab", "d c b", "ada")


def spoken(text: str, rate: int = 16_000, seed: int = 0) -> np.ndarray:
    """Return a text as tones, a pitch a letter, with a little noise."""
    chance = np.random.default_rng(seed)

    def silence(seconds: float) -> np.ndarray:
        return np.zeros(int(seconds * rate), dtype=np.float32)

    parts = [silence(0.1)]
    for one in text:
        parts.append(silence(SPACE_SECONDS) if one == " " else sounds.tone(PITCHES[one], LETTER_SECONDS, rate))
        parts.append(silence(GAP_SECONDS))
    whole = np.concatenate([*parts, silence(0.1)])
    return (whole + 0.003 * chance.standard_normal(len(whole))).astype(np.float32)


def write_table(folder: Path, count: int = 24, rate: int = 16_000) -> Path:
    """Write recordings and a table of audio, text and speaker beside them; all recordings differ."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    lines = ["audio,text,speaker"]
    for number in range(count):
        text = TEXTS[number % len(TEXTS)]
        (folder / "clips" / f"{number:03}.wav").write_bytes(sounds.wav(spoken(text, rate, number), rate))
        lines.append(f"clips/{number:03}.wav,{text},{'xyz'[number % 3]}")
    path = folder / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def save_speller(folder: Path, norm: str = "layer", seed: int = 0) -> Path:
    """Save a wav2vec2 of two layers that spells lower-case letters, and return its folder.

    norm: as in `support.kinds.save_listener`.
    """
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    letters = ["<pad>", "<unk>", "|", *"abcdefgh"]
    files.write_json(folder / "vocab.json", {one: number for number, one in enumerate(letters)})
    speller = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), bos_token=None, eos_token=None)
    config = Wav2Vec2Config(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        conv_dim=(16, 16, 16),
        conv_kernel=(10, 8, 4),
        conv_stride=(5, 8, 8),
        num_feat_extract_layers=3,
        feat_extract_norm=norm,
        do_stable_layer_norm=norm == "layer",
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        initializer_range=0.2,
        **dict.fromkeys(
            ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "final_dropout"), 0.0
        ),
        layerdrop=0.0,
        vocab_size=len(letters),
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    reader = Wav2Vec2FeatureExtractor(return_attention_mask=norm == "layer")
    Wav2Vec2Processor(feature_extractor=reader, tokenizer=speller).save_pretrained(folder)
    return folder


def save_writer(folder: Path, seed: int = 0, stamps: bool = True) -> Path:
    """Save a Whisper of two layers that reads four seconds at once, and return its folder.

    stamps: its tokenizer has tokens for times, in steps of 20 ms.
    """
    texts = [*TEXTS, *(text.title() + "." for text in TEXTS)] * 4
    tokenizer: Any = WhisperTokenizer().train_new_from_iterator(texts, vocab_size=300)
    times = [f"<|{0.02 * step:.2f}|>" for step in range(SECONDS * 50 + 1)] if stamps else []
    marks = ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": [*marks, *times]})
    start, end = (tokenizer.convert_tokens_to_ids(one) for one in (marks[0], "<|endoftext|>"))
    torch.manual_seed(seed)
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=40,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_source_positions=SECONDS * 50,
        max_target_positions=48,
        init_std=0.1,
        dropout=0.0,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    reader: Any = WhisperFeatureExtractor(feature_size=40, chunk_length=SECONDS)
    WhisperProcessor(feature_extractor=reader, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def recipe(model: Path | str, adapter: Adapter = tiny.LORA, prep: tuple[str, ...] = (), **train: Any) -> Recipe:
    """Return a recipe that transcribes with the model in a folder."""
    return Recipe(
        name="tiny",
        kind="stt",
        task="transcribe",
        model=Model(str(model)),
        data=Data(sources=(Source(path="rows.csv"),), split=SplitPlan(0.6, 0.2, 0.2, seed=1, stratify=None)),
        prep=tuple(map(PrepStep, prep)),
        adapter=adapter,
        train=Train(**{"precision": "fp32", "learning_rate": 3e-3, **train}),
    )


def parts(folder: Path, given: Recipe, count: int = 40) -> dict[str, list[Any]]:
    """Write recordings and return the rows of each part."""
    write_table(folder, count)
    made = prepare_split(given.data, folder=folder, cache=folder / "cache", forms=("sound_text",))
    return {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
