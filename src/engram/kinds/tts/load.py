"""Building a voice from a base: SpeechT5 with its characters, its way of reading sounds, a vocoder and the adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AutoConfig, SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Processor

from engram.errors import UserError
from engram.export.base import quiet
from engram.export.format import BaseRef
from engram.kinds.tts.settled import settle
from engram.kinds.tts.sounds import Frames, Samples, griffin_lim
from engram.kinds.tts.source import find_base, find_vocoder
from engram.schema.recipe import Recipe
from engram.train.adapter import attach
from engram.train.randomness import seed_all

# What turns a voice's place in the list of voices into a part of every frame: it must be learned, so it is kept whole.
VOICES = ("speaker_embeds_layer",)
DEFAULT_VOICE = "default"


@dataclass(frozen=True)
class Loaded:
    """A model with what makes its inputs. `base` is None for a model that was reopened from an export.

    processor: characters and spectrograms. vocoder: makes sound of frames; None where Griffin-Lim does. labels: who
    speaks; empty where nobody is told apart. max_length: the most frames of one row. recipe: what it was built from.
    """

    model: nn.Module
    processor: Any
    vocoder: Any
    labels: tuple[str, ...]
    base: BaseRef | None
    max_length: int
    recipe: Recipe

    @property
    def inner(self) -> Any:
        """SpeechT5 itself, without what peft puts around it."""
        model: Any = self.model
        return model.get_base_model() if hasattr(model, "get_base_model") else model

    @property
    def reader(self) -> Any:
        """What makes spectrograms."""
        return self.processor.feature_extractor

    @property
    def rate(self) -> int:
        """Samples a second."""
        return int(self.reader.sampling_rate)

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return int(self.reader.sample_stride)

    @property
    def voices(self) -> tuple[str, ...]:
        """The names by which a voice is asked for."""
        return self.labels or (DEFAULT_VOICE,)

    def sound(self, frames: Frames) -> Samples:
        """Return the sound of a log-mel spectrogram."""
        if self.vocoder is None:
            return griffin_lim(self.reader, frames)
        with torch.inference_mode():
            made = self.vocoder(torch.from_numpy(frames).to(next(self.vocoder.parameters()).device))
        return np.asarray(made.float().cpu().numpy(), dtype=np.float32)


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the voice that a recipe trains, always the same.

    Raises NotFound when the base or its vocoder can't be had, UserError when it is no SpeechT5 that speaks, or has room
    for fewer voices.
    """
    base = find_base(recipe.model)
    model, processor = settle(open_speaker(base.folder)), open_processor(base.folder)
    room = model.config.speaker_embedding_dim
    if len(labels) > room:
        raise UserError(
            f"The rows have {len(labels)} voices, and this model has room for {room}.",
            remedy="Take fewer speakers, or the format text_sound, which tells none apart.",
        )
    if recipe.train.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    seed_all(recipe.train.seed)
    tuned = attach(model, recipe.adapter, None, heads=VOICES)
    vocoder = open_vocoder(find_vocoder(base), device)
    longest = longest_frames(recipe, model.config)
    return Loaded(tuned.to(device), processor, vocoder, tuple(labels), base, longest, recipe)


def longest_frames(recipe: Recipe, config: Any) -> int:
    """Return the most frames of a row: what recipe and model allow, in whole steps of the decoder."""
    step = int(config.reduction_factor)
    return max(step, min(recipe.train.max_seq_length, int(config.max_speech_positions) * step) // step * step)


def open_speaker(folder: Path) -> Any:
    """Return SpeechT5 in fp32; raises UserError for another model, and for a folder that lacks weights of it."""
    kind = AutoConfig.from_pretrained(folder).model_type
    if kind != "speecht5":
        raise UserError(f"{folder} holds a {kind} model, which can't be taught to speak here.", remedy=_KNOWN)
    with quiet():
        opened: Any = SpeechT5ForTextToSpeech
        model, said = opened.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    lost = [key for key in said["missing_keys"] if not key.endswith("num_batches_tracked")]
    if lost:
        raise UserError(
            f"{folder} lacks {len(lost)} weights of a SpeechT5 that speaks, among them {sorted(lost)[0]}.",
            remedy="They would be random numbers. Is it one for texts to speech, and not the other way round?",
        )
    return model


def open_processor(folder: Path) -> Any:
    """Return characters and spectrograms of a folder; raises UserError when it does not hold them."""
    try:
        with quiet():
            return SpeechT5Processor.from_pretrained(folder)
    except (OSError, ValueError, TypeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{folder} does not say how it spells: {said}",
            remedy="It needs spm_char.model and preprocessor_config.json beside config.json.",
        ) from error


def open_vocoder(folder: Path | None, device: str = "cpu") -> Any:
    """Return the vocoder in a folder, None where there is none; nothing is trained in it."""
    if folder is None:
        return None
    with quiet():
        found: Any = SpeechT5HifiGan.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    return found.requires_grad_(False).eval().to(device)


_KNOWN = "Choose a SpeechT5 for text to speech, as microsoft/speecht5_tts, or made:speaker."
