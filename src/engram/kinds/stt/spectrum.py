"""The spectrogram of w2v-bert's feature extractor, all frames of a sound at once.

The extractor itself goes from frame to frame, which takes ten times as long; a test holds that both give the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

LENGTH, HOP, FFT = 400, 160, 512  # samples of a frame, from one to the next, and of its transform: 25 and 10 ms
EMPHASIS, FLOOR, EPSILON = 0.97, 1.192092955078125e-07, 1e-7


def banded(samples: NDArray[np.float32], reader: Any) -> NDArray[np.float32]:
    """Return mel bands of a sound, standardised each, several frames in a row: (frames, stride × bands).

    reader: a SeamlessM4TFeatureExtractor. Kaldi's reading: samples as 16-bit numbers, no offset, pre-emphasis 0.97, a
    Povey window, powers, the logarithm of each band.
    """
    frames = sliding_window_view(samples.astype(np.float64) * 2**15, LENGTH)[::HOP].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    frames[:, 1:] -= EMPHASIS * frames[:, :-1].copy()
    frames[:, 0] *= 1 - EMPHASIS
    powers = np.abs(np.fft.rfft(frames * reader.window, FFT).astype(np.complex64)).astype(np.float64) ** 2
    bands = np.log(np.maximum(FLOOR, powers @ reader.mel_filters)).astype(np.float32)
    bands = (bands - bands.mean(0)) / np.sqrt(bands.var(0, ddof=1) + EPSILON)
    rows = rows_of(len(bands), reader.stride)
    filled = np.zeros((rows * reader.stride, bands.shape[1]), dtype=np.float32)
    filled[: len(bands)] = bands[: len(filled)]
    return filled.reshape(rows, -1)


def rows_of(frames: int, stride: int) -> int:
    """Return how many rows of `stride` frames the extractor makes of so many, and does not mask.

    It fills up to an even number, drops what is no whole row, and takes a row's second frame for its mask.

    >>> rows_of(75, 2), rows_of(75, 4), rows_of(74, 4)
    (37, 19, 18)
    """
    return min((frames + frames % 2) // stride, -(-(frames - 1) // stride))
