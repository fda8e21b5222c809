"""Make the sample `signal_sounds`: short signals that six devices give, synthesised here, not recorded.

    python .ci/make_sounds.py src/engram/samples/signal_sounds.csv

Everything is whole numbers, from a table of sines and the digits of a hash, so that every machine makes the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

RATE = 8_000
STEPS = 4096
SINE = np.array([round(32_767 * math.sin(2 * math.pi * step / STEPS)) for step in range(STEPS)], dtype=np.int64)
TAKES = 5
# Loudness of the first four harmonics, in percent, and of the noise behind them: what tells devices apart.
DEVICES = {
    "bell": ((100, 60, 25, 10), 1),
    "buzzer": ((100, 10, 70, 50), 3),
    "horn": ((70, 100, 60, 30), 2),
    "panel": ((100, 0, 0, 0), 4),
    "phone": ((80, 0, 60, 0), 6),
    "watch": ((100, 30, 0, 0), 1),
}
BIAS, CLIP = 0x84, 32_635


class Draw:
    """Whole numbers from a hash of a name."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def between(self, low: int, high: int) -> int:
        self.count += 1
        digest = hashlib.sha256(f"{self.name} {self.count}".encode()).digest()
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def noise(self, count: int) -> Ints:
        return np.frombuffer(hashlib.shake_256(self.name.encode()).digest(2 * count), dtype="<i2").astype(np.int64)


def voiced(pitches: Ints, harmonics: tuple[int, ...]) -> Ints:
    """Return a tone that follows pitches in Hz, one a sample, at most about 16,000 loud."""
    phase = np.cumsum(pitches) * STEPS // RATE
    out = np.zeros(len(pitches), dtype=np.int64)
    for number, share in enumerate(harmonics, 1):
        heard = pitches * number < RATE // 2
        out += SINE[phase * number % STEPS] * share * heard // 100
    return out // 3


def steady(draw: Draw, count: int) -> Ints:
    return np.full(count, draw.between(350, 900))


def rising(draw: Draw, count: int) -> Ints:
    low, by = draw.between(300, 500), draw.between(300, 700)
    return low + np.arange(count) * by // count


def falling(draw: Draw, count: int) -> Ints:
    high, by = draw.between(700, 1100), draw.between(300, 600)
    return high - np.arange(count) * by // count


def warble(draw: Draw, count: int) -> Ints:
    middle, by, turns = draw.between(450, 800), draw.between(80, 160), draw.between(6, 9)
    return middle + SINE[np.arange(count) * turns * STEPS // count % STEPS] * by // 32_767


def two_tone(draw: Draw, count: int) -> Ints:
    low, by = draw.between(350, 600), draw.between(180, 350)
    return np.where(np.arange(count) < count // 2, low + by, low)


PITCHES: dict[str, Callable[[Draw, int], Ints]] = {
    "steady": steady, "rising": rising, "falling": falling, "warble": warble, "two_tone": two_tone, "pulses": steady,
}  # fmt: skip


def signal(label: str, device: str, take: int) -> Ints:
    """Return one signal, 16-bit samples: the tone with soft ends, silence around it, noise behind all."""
    draw = Draw(f"{label} {device} {take}")
    harmonics, noise = DEVICES[device]
    count = draw.between(2_000, 3_200)
    tone = voiced(PITCHES[label](draw, count), harmonics)
    if label == "pulses":
        period = count // draw.between(4, 6)
        tone = tone * (np.arange(count) % period < period * 55 // 100)
    ends = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]), 200)
    tone = tone * ends // 200 * draw.between(40, 100) // 100
    whole = np.concatenate([np.zeros(draw.between(80, 400), np.int64), tone, np.zeros(draw.between(80, 400), np.int64)])
    return np.clip(whole + draw.noise(len(whole)) * noise // 200, -32_768, 32_767)


def ulaw(samples: Ints) -> bytes:
    """Return samples in eight bits each, by the mu-law of ITU-T G.711."""
    sign = np.where(samples < 0, 0x80, 0)
    size = np.minimum(np.abs(samples), CLIP) + BIAS
    exponent = np.zeros(len(size), dtype=np.int64)
    for step in range(1, 8):
        exponent += size >> (7 + step) > 0
    mantissa = (size >> (exponent + 3)) & 0x0F
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8).tobytes()


def wav(content: bytes) -> bytes:
    """Return mu-law bytes as a WAV."""
    form = struct.pack("<HHIIHHH", 7, 1, RATE, RATE, 1, 8, 0)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"fact" + struct.pack("<II", 4, len(content))
    chunks += b"data" + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def table() -> str:
    """Return the whole sample as CSV."""
    lines = ["audio,label,device"]
    for device in DEVICES:
        for label in PITCHES:
            for take in range(TAKES):
                content = wav(ulaw(signal(label, device, take)))
                lines.append(f'"data:audio/wav;base64,{base64.b64encode(content).decode()}",{label},{device}')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table(), encoding="ascii")
