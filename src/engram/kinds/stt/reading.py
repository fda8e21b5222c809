"""How a recogniser reads sounds, how long one may be, and how many frames it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoConfig, AutoProcessor, Wav2Vec2FeatureExtractor

from engram.errors import UserError
from engram.export.base import quiet
from engram.kinds.stt.spectrum import banded, rows_of

Samples = NDArray[np.float32]
FRAMES_A_SECOND = 50  # of 20 ms: the unit of a row's length
BUCKET_SECONDS = 0.1
REMEDY = "Choose a wav2vec2, HuBERT, WavLM or w2v-bert model that spells (CTC), or a Whisper model."


@dataclass(frozen=True)
class Reading:
    """How one model reads.

    processor: its feature extractor and tokenizer. rate: samples a second. name: of the model's input. raw: it takes
    samples, and a spectrogram otherwise. masked: padding is told to it by a mask. writes: it writes token by token
    (Whisper), and spells a character a frame otherwise (CTC). fixed: the one length that it takes, in frames of 20 ms;
    0 for any. least: the fewest samples that give it a frame. step: samples from one frame of its answer to the next.
    stacked: frames of 10 ms that one row of its features holds. layers: kernel and stride of each convolution over
    samples.

    A model that is neither masked nor fixed normalises over the whole width of a batch (`feat_extract_norm: group`):
    its rows are padded each to a multiple of 0.1 s of its own, and those of different width never share a pass.
    """

    processor: Any
    rate: int
    name: str
    raw: bool
    masked: bool
    writes: bool
    fixed: int
    least: int
    step: int
    stacked: int = 1
    layers: tuple[tuple[int, int], ...] = ()

    @property
    def reader(self) -> Any:
        """The feature extractor."""
        return self.processor.feature_extractor

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        return self.processor.tokenizer

    def longest(self, wanted: int) -> int:
        """Return the most frames that a recipe (``max_seq_length``) and the model allow."""
        return min(wanted, self.fixed) if self.fixed else wanted

    def frames(self, samples: int) -> int:
        """Return the frames of a model's answer to so many samples."""
        if not self.raw:
            return rows_of(1 + (max(samples, self.least) - self.rate // 40) // (self.rate // 100), self.stacked)
        length = max(samples, self.least)
        for kernel, stride in self.layers:
            length = (length - kernel) // stride + 1
        return max(0, length)

    def features(self, samples: Samples) -> Samples:
        """Return what the model takes of a sound: (samples,), or a spectrogram, (frames, bands) or (bands, frames)."""
        shown = samples if len(samples) >= self.least else np.pad(samples, (0, self.least - len(samples)))
        if not self.raw and not self.writes:
            return banded(shown, self.reader)
        found = self.reader(shown, sampling_rate=self.rate, return_tensors="np")[self.name][0]
        if self.raw and not self.masked:
            found = np.pad(found, (0, -len(found) % int(BUCKET_SECONDS * self.rate)))
        return np.ascontiguousarray(found, dtype=np.float32)


def reading_of(config: Any, processor: Any) -> Reading:
    """Return how a model of a configuration reads.

    Raises UserError for an architecture that is not known to transcribe here.
    """
    reader = getattr(processor, "feature_extractor", None)
    if reader is None or getattr(processor, "tokenizer", None) is None:
        raise UserError("The model's folder holds no feature extractor with a tokenizer.", remedy=REMEDY)
    kind, rate = config.model_type, int(reader.sampling_rate)
    if getattr(config, "add_adapter", False):
        raise UserError(f"A {kind} model with an adapter behind its encoder is not read here.", remedy=REMEDY)
    if isinstance(reader, Wav2Vec2FeatureExtractor) and hasattr(config, "conv_kernel"):
        layers = tuple(zip(config.conv_kernel, config.conv_stride, strict=True))
        least, step = _least_samples(layers), int(np.prod(config.conv_stride))
        masked = config.feat_extract_norm == "layer"
        return Reading(processor, rate, "input_values", True, masked, False, 0, least, step, layers=layers)
    if kind == "wav2vec2-bert":
        stacked = int(reader.stride)
        least = rate // 40 + (2 * stacked - 1) * rate // 100
        step = stacked * rate // 100
        return Reading(processor, rate, "input_features", False, True, False, 0, least, step, stacked)
    if kind == "whisper":
        fixed = int(config.max_source_positions * reader.hop_length * 2 * FRAMES_A_SECOND / rate)
        return Reading(processor, rate, "input_features", False, False, True, fixed, 1, 2 * int(reader.hop_length))
    raise UserError(f"A {kind} model is not known to transcribe.", remedy=REMEDY)


def open_reading(folder: Path) -> Reading:
    """Return how the model in a folder reads, without its weights; raises UserError when the folder does not say."""
    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder)
            processor = AutoProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:  # as files are missing, or disagree
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{folder} holds no recogniser of speech: {said}", remedy=REMEDY) from error
    return reading_of(config, processor)


def _least_samples(layers: tuple[tuple[int, int], ...]) -> int:
    """Return the samples that give two frames at the end of a stack of convolutions.

    >>> _least_samples(((10, 5), (3, 2)))
    30
    """
    length = 2
    for kernel, stride in reversed(layers):
        length = (length - 1) * stride + kernel
    return length
