"""Mel-cepstra of sounds, their exact alignment, and the distance between two of them.

Order 24 and warping .42, which is the mel scale at 16,000 samples a second (Tokuda et al., Mel-generalized cepstral
analysis, 1994). The spectrum is that of Hann windows of 25 ms every 5 ms; its cepstrum is cut off at the order, and no
other smoothing is done. Analyses with WORLD's envelope give other numbers, which are not to be compared with these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE, WINDOW, HOP, FFT = 16_000, 400, 80, 512
ORDER, WARP = 24, 0.42
# Below the loudest bin of its own recording by more than this, a bin counts as that much below: silence has no shape.
FLOOR_DB = 80.0
DECIBELS = 10.0 / np.log(10.0)

Samples = NDArray[np.float32]
Cepstra = NDArray[np.float64]


def mel_cepstra(samples: Samples) -> Cepstra:
    """Return the mel-cepstra of one channel at 16,000 samples a second, shape (frames, ORDER + 1); silence gives zeros.

    >>> mel_cepstra(np.zeros(800, dtype=np.float32)).shape
    (11, 25)
    """
    padded = np.pad(samples.astype(np.float64), (WINDOW // 2, WINDOW // 2))
    starts = np.arange(0, len(samples) + 1, HOP)
    frames = np.stack([padded[at : at + WINDOW] for at in starts]) * np.hanning(WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2
    loudest = power.max(initial=0.0)
    if loudest <= 0.0:
        return np.zeros((len(starts), ORDER + 1))
    logs = 0.5 * np.log(np.maximum(power, loudest * 10 ** (-FLOOR_DB / 10)))
    cepstra = np.fft.irfft(logs)[:, : FFT // 2 + 1]
    cepstra[:, 1 : FFT // 2] *= 2.0  # both halves of a real cepstrum, so that log amplitude is a sum of cosines
    return np.asarray(cepstra @ _warping().T)


def distance(one: Cepstra, other: Cepstra) -> float:
    """Return the mel-cepstral distance in dB along the best alignment of two sounds; the coefficient 0 has no part.

    (10 / ln 10) · mean over the path of √(2 Σ_{d≥1} Δ²) (Kubichek, Mel-cepstral distance measure for objective speech
    quality assessment, 1993).

    >>> distance(np.ones((4, 25)), np.ones((7, 25)))
    0.0
    """
    apart = _apart(one[:, 1:], other[:, 1:])
    rows, columns = align(apart)
    return float(DECIBELS * np.sqrt(2.0) * apart[rows, columns].mean())


def align(costs: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the path of least cost through a table from its first to its last place, by steps of one.

    Exact dynamic time warping (Sakoe and Chiba, 1978) without a band or weights; among equal steps the diagonal counts.

    >>> [list(map(int, one)) for one in align(np.array([[0.0, 9.0], [9.0, 0.0]]))]
    [[0, 1], [0, 1]]
    """
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    # Along an anti-diagonal no place depends on another.
    for both in range(rows + columns - 1):
        i = np.arange(max(0, both - columns + 1), min(rows, both + 1))
        j = both - i
        before = np.minimum(np.minimum(total[i, j + 1], total[i + 1, j]), total[i, j])
        total[i + 1, j + 1] = costs[i, j] + before
    i, j = rows - 1, columns - 1
    path = [(i, j)]
    while i or j:
        steps = ((total[i, j], i - 1, j - 1), (total[i, j + 1], i - 1, j), (total[i + 1, j], i, j - 1))
        _, i, j = min(steps, key=lambda step: step[0])
        path.append((i, j))
    found = np.array(path[::-1], dtype=np.int64)
    return found[:, 0], found[:, 1]


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2.0 * one @ other.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)), dtype=np.float64)


def _warping() -> NDArray[np.float64]:
    """Return the matrix that takes a cepstrum to a mel-cepstrum, shape (ORDER + 1, FFT // 2 + 1).

    The recursion of frequency transformation by a first-order all-pass (Oppenheim and Johnson, Discrete representation
    of signals, 1972), run on every unit vector at once.
    """
    width = FFT // 2 + 1
    found = np.zeros((ORDER + 1, width))
    for place in range(width - 1, -1, -1):
        before = found.copy()
        found[0] = WARP * before[0]
        found[0, place] += 1.0
        found[1] = (1.0 - WARP**2) * before[0] + WARP * before[1]
        for order in range(2, ORDER + 1):
            found[order] = before[order - 1] + WARP * (before[order] - found[order - 1])
    return found
