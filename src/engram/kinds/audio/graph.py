"""A sound classifier as one graph: samples or a spectrogram in, logits out. The names are those of `export.wrap`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from engram.export.graph import Run
from engram.export.sound_graph import FRAME, SHAPES, SoundGraph, noise, wrapped
from engram.export.tasks import Task

__all__ = ["SHAPES", "example", "free", "inputs_of", "opened", "wrap"]


def inputs_of(config: Any, task: str | Task) -> tuple[str, ...]:
    """Return the names of the graph's inputs, in order."""
    spectrogram = config.model_type in ("wav2vec2-bert", "whisper")
    name = "input_features" if spectrogram else "input_values"
    masked = config.model_type == "wav2vec2-bert" or getattr(config, "feat_extract_norm", "") == "layer"
    return (name, "attention_mask") if masked else (name,)


def free(config: Any, task: str | Task) -> dict[str, dict[int, str]]:
    """Return which sizes of each input are left free, by names; a model of one length has its rows free alone."""
    if config.model_type in ("whisper", "audio-spectrogram-transformer"):
        return {name: {0: "batch"} for name in inputs_of(config, task)}
    return {name: {0: "batch", 1: "width"} for name in inputs_of(config, task)}


def opened(run: Run, config: Any) -> SoundGraph:
    """Return a graph that was opened, as a model that is called by its inputs."""
    return SoundGraph(run, config, inputs_of(config, "")[0])


def wrap(model: Any, task: str | Task) -> nn.Module:
    """Return the module that takes `inputs_of` the model and gives its logits, (rows, labels)."""
    return wrapped(model, inputs_of(model.config, task))


def example(config: Any, task: str | Task, shape: tuple[int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of a shape (rows, frames of 20 ms); a model of one length gets that."""
    rows, frames = shape
    size: tuple[int, ...] = (rows, frames * FRAME)
    if config.model_type == "whisper":
        size = (rows, config.num_mel_bins, 2 * config.max_source_positions)
    elif config.model_type == "audio-spectrogram-transformer":
        size = (rows, config.max_length, config.num_mel_bins)
    elif config.model_type == "wav2vec2-bert":
        size = (rows, frames, config.feature_projection_input_dim)
    return noise(inputs_of(config, task), size, seed)
