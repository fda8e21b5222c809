"""Sound to frames and back: log-mel spectrograms as SpeechT5 makes them, and the sound of one without a vocoder.

Griffin-Lim (1984) in its fast form (Perraudin, Balazs and Søndergaard, 2013): phases begin at random, always the same,
and are made consistent in a fixed number of rounds. A mel spectrogram says less than a spectrogram; the amplitudes
between are the least-squares ones that are not negative.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.lazy import need

if TYPE_CHECKING:
    from transformers import SpeechT5FeatureExtractor

Samples = NDArray[np.float32]
Frames = NDArray[np.float32]
ROUNDS, MOMENTUM, SEED = 32, 0.99, 7


def mel(reader: SpeechT5FeatureExtractor, samples: Samples) -> Frames:
    """Return the log10 mel spectrogram of one channel at the reader's rate, shape (frames, bins)."""
    least = reader.n_fft // 2 + 1  # what its window mirrors at both ends
    shown = samples if len(samples) >= least else np.pad(samples, (0, least - len(samples)))
    made: Any = reader(audio_target=shown, sampling_rate=reader.sampling_rate, return_tensors="np")
    return np.asarray(made["input_values"][0], dtype=np.float32)


def griffin_lim(reader: SpeechT5FeatureExtractor, frames: Frames) -> Samples:
    """Return a sound whose log10 mel spectrogram is near this one; the same each time."""
    inverse = np.linalg.pinv(reader.mel_filters.T.astype(np.float64))  # (frequencies, bins)
    amplitudes = np.maximum(inverse @ (10.0 ** frames.astype(np.float64)).T, 0.0)
    size = torch.from_numpy(amplitudes.astype(np.float32))
    window = torch.from_numpy(reader.window.astype(np.float32))
    shape: dict[str, Any] = {
        "n_fft": reader.n_fft,
        "hop_length": reader.sample_stride,
        "win_length": reader.sample_size,
        "window": window,
    }
    chance = torch.Generator().manual_seed(SEED)
    turned = torch.rand(size.shape, generator=chance) * 2 * torch.pi
    phases, last = torch.polar(torch.ones_like(size), turned), torch.zeros(size.shape, dtype=torch.complex64)
    length = max(1, size.shape[1] - 1) * reader.sample_stride
    for _ in range(ROUNDS):
        sound = torch.istft(size * phases, **shape, length=length)
        again = torch.stft(_room(sound, reader.n_fft), **shape, return_complex=True)[:, : size.shape[1]]
        moved = again + MOMENTUM * (again - last) if last.abs().any() else again
        phases, last = moved / moved.abs().clamp(min=1e-12), again
    return np.asarray(torch.istft(size * phases, **shape, length=length).numpy(), dtype=np.float32)


def _room(sound: torch.Tensor, window: int) -> torch.Tensor:
    """Return a sound that is long enough for its ends to be mirrored."""
    return torch.nn.functional.pad(sound, (0, max(0, window // 2 + 1 - len(sound))))


def as_file(samples: Samples, rate: int, kind: str = "WAV") -> bytes:
    """Return samples as a sound file of 16 bits; what is louder than full scale is held there."""
    soundfile: Any = need("soundfile", extra="tts", why="to write sound files")
    out = io.BytesIO()
    soundfile.write(out, np.clip(samples, -1.0, 1.0), rate, format=kind, subtype="PCM_16")
    return out.getvalue()


def as_heard(samples: Samples) -> Samples:
    """Return samples as a file of 16 bits holds them: what is measured is what is sent.

    >>> as_heard(np.array([2.0, 0.0], dtype=np.float32)).tolist()
    [0.999969482421875, 0.0]
    """
    whole = np.rint(np.clip(samples, -1.0, 1.0) * 32768.0)
    return np.asarray(np.minimum(whole, 32767.0) / 32768.0, dtype=np.float32)
