"""Voices for tests: a tiny SpeechT5 with its vocoder, and recordings that tests make themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import sounds, tiny
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.kinds.tts.made import PLANS, save
from engram.schema.recipe import Adapter, Data, Evaluate, Model, Recipe, Source, SplitPlan, Train

WORDS = ("ada", "bed", "cab", "dab", "fad", "bead", "face", "decade")
PITCHES = {letter: 300.0 + 150.0 * place for place, letter in enumerate("abcdef")}
SMALLER = {
    "hidden_size": 24,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 32,
    "speech_decoder_prenet_units": 16,
    "speech_decoder_postnet_units": 16,
    "speaker_embedding_dim": 4,
}


def save_speaker(folder: Path, seed: int = 0, **plan: Any) -> Path:
    """Save a SpeechT5 of two layers that speaks, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, {**PLANS["speaker"], **SMALLER, **plan}, seed)
    return folder


def save_vocoder(folder: Path, seed: int = 0) -> Path:
    """Save a HiFi-GAN of two small stages that gives 256 samples a frame, and return its folder."""
    torch.manual_seed(seed)
    config = SpeechT5HifiGanConfig(
        upsample_initial_channel=8,
        upsample_rates=[16, 16],
        upsample_kernel_sizes=[32, 32],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
    )
    SpeechT5HifiGan(config).save_pretrained(folder)
    return folder


def spoken(text: str, number: int = 0, rate: int = 16_000) -> bytes:
    """Return a WAV in which each letter of a text is a tone of its own; `number` tells the takes apart."""
    chance = np.random.default_rng(number)
    tones = [sounds.tone(PITCHES[letter], 0.06 + 0.004 * (number % 5), rate) for letter in text]
    samples = np.concatenate(tones)
    return sounds.wav(samples + (0.002 * chance.standard_normal(len(samples))).astype(np.float32), rate)


def write_table(folder: Path, count: int = 30, voices: tuple[str, ...] = (), name: str = "rows.csv") -> Path:
    """Write recordings into one folder, with a table of text and audio, and of who speaks, beside it."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    lines = ["text,audio,speaker" if voices else "text,audio"]
    for number in range(count):
        text = WORDS[number % len(WORDS)]
        (folder / "clips" / f"{number:03}.wav").write_bytes(spoken(text, number))
        who = f",{voices[number // len(WORDS) % len(voices)]}" if voices else ""
        lines.append(f"{text},clips/{number:03}.wav{who}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def voice_recipe(model: Path | str, adapter: Adapter = tiny.LORA, judge: str | None = None, **train: Any) -> Recipe:
    """Return a recipe that teaches the model in a folder to speak the rows of a table."""
    return Recipe(
        name="tiny",
        kind="tts",
        task="speak",
        model=Model(str(model)),
        data=Data(sources=(Source(path="rows.csv"),), split=SplitPlan(0.6, 0.2, 0.2, stratify=None, seed=1)),
        adapter=adapter,
        train=Train(**{"precision": "fp32", "learning_rate": 3e-3, "max_seq_length": 40, **train}),
        evaluate=Evaluate(judge=judge),
        export=("adapter", "merged") if adapter.type == "lora" else ("merged",),
    )


def voice_parts(folder: Path, recipe: Recipe, **table: Any) -> tuple[tuple[str, ...], Mapping[str, list[Any]]]:
    """Write a table and return its voices and the rows of each part."""
    write_table(folder, **table)
    made = prepare_split(recipe.data, folder=folder, cache=folder / "cache", forms=("voice_sound", "text_sound"))
    return made.split.labels, {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
