"""How a model reads sounds: at which rate, as samples or as a spectrogram, and what it makes of padding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoConfig, AutoFeatureExtractor, Wav2Vec2FeatureExtractor

from engram.errors import UserError
from engram.export.base import quiet

Samples = NDArray[np.float32]
FRAMES_A_SECOND = 50  # of 20 ms: the unit of a row's length
BUCKET_SECONDS = 0.1


@dataclass(frozen=True)
class Reading:
    """How one model reads.

    reader: its feature extractor. rate: samples a second. name: of the model's input. raw: it takes samples, and a
    spectrogram otherwise. masked: padding is told to it by a mask, and then disturbs nothing. fixed: it takes all rows
    at one length, in frames; 0 for any. upright: its spectrograms have frequencies first. least: the fewest samples
    that give it something to read.

    A model that is neither masked nor fixed normalises over the whole width of a batch (`feat_extract_norm: group`):
    its rows are padded each to a multiple of 0.1 s of its own, and those of different width never share a pass.
    """

    reader: Any
    rate: int
    name: str
    raw: bool
    masked: bool
    fixed: int
    upright: bool
    least: int

    @property
    def bucket(self) -> int:
        """The samples to a multiple of which a row is padded."""
        return 1 if self.masked or not self.raw else int(BUCKET_SECONDS * self.rate)

    def longest(self, wanted: int) -> int:
        """Return the most frames that a recipe (``max_seq_length``) and the model allow."""
        return min(wanted, self.fixed) if self.fixed else wanted

    def features(self, samples: Samples) -> Samples:
        """Return what the model takes of a sound: (samples,), or a spectrogram (frames, frequencies)."""
        shown = samples if len(samples) >= self.least else np.pad(samples, (0, self.least - len(samples)))
        found = self.reader(shown, sampling_rate=self.rate, return_tensors="np")[self.name][0]
        if self.raw:
            return np.pad(found, (0, -len(found) % self.bucket)).astype(np.float32)
        return np.ascontiguousarray(found.T if self.upright else found, dtype=np.float32)


def reading_of(config: Any, reader: Any) -> Reading:
    """Return how a model of a configuration reads.

    Raises UserError for an architecture that classifies no sounds as it is known here.
    """
    kind, rate = config.model_type, int(reader.sampling_rate)
    more: dict[str, Any] = {"reader": reader, "rate": rate}
    if isinstance(reader, Wav2Vec2FeatureExtractor) and hasattr(config, "conv_kernel"):
        masked = config.feat_extract_norm == "layer"
        least = _least_samples(config.conv_kernel, config.conv_stride)
        return Reading(**more, name="input_values", raw=True, masked=masked, fixed=0, upright=False, least=least)
    if kind == "wav2vec2-bert":
        least = rate // 20
        return Reading(**more, name="input_features", raw=False, masked=True, fixed=0, upright=False, least=least)
    if kind == "whisper":
        fixed = int(config.max_source_positions * reader.hop_length * 2 * FRAMES_A_SECOND / rate)
        return Reading(**more, name="input_features", raw=False, masked=False, fixed=fixed, upright=True, least=1)
    if kind == "audio-spectrogram-transformer":
        fixed = config.max_length * FRAMES_A_SECOND // 100
        return Reading(
            **more, name="input_values", raw=False, masked=False, fixed=fixed, upright=False, least=rate // 20
        )
    raise UserError(
        f"A {kind} model is not known to classify sounds.",
        remedy="Choose a wav2vec2, HuBERT, WavLM, wav2vec2-bert, Whisper or AST model.",
    )


def open_reading(folder: Path) -> Reading:
    """Return how the model in a folder reads, without its weights; raises UserError when the folder does not say."""
    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder)
            reader = AutoFeatureExtractor.from_pretrained(folder)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{folder} holds no model of sounds: {said}", remedy="It needs preprocessor_config.json beside config.json."
        ) from error
    return reading_of(config, reader)


def _least_samples(kernels: list[int], strides: list[int]) -> int:
    """Return the samples that give two frames at the end of a stack of convolutions.

    >>> _least_samples([10, 3], [5, 2])
    30
    """
    length = 2
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        length = (length - 1) * stride + kernel
    return length
