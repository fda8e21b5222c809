"""Make the sample `made_voices`: words of two syllables in two voices that nobody has, synthesised here, not recorded.

    python .ci/make_voices.py src/engram/samples/made_voices.csv

Each letter is a few harmonics around two formants, or noise. Everything is whole numbers, from a table of sines and the
digits of a hash, so that every machine makes the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

RATE, STEPS = 8_000, 4096
SINE = np.array([round(32_767 * math.sin(2 * math.pi * step / STEPS)) for step in range(STEPS)], dtype=np.int64)
# First and second formant in Hz, and loudness in percent.
VOWELS = {
    "a": (750, 1_300, 100),
    "e": (500, 1_900, 90),
    "i": (300, 2_300, 80),
    "o": (500, 900, 100),
    "u": (320, 700, 90),
}
CONSONANTS = {"m": (220, 1_000, 45), "n": (250, 1_500, 45), "l": (350, 1_100, 60), "s": (0, 0, 35)}
VOICES = {"deep": 105, "clear": 190}
WORDS = 90
LONG, SHORT = 960, 560  # samples of a vowel and of a consonant: 120 and 70 ms
BIAS, CLIP = 0x84, 32_635


def number(name: str, low: int, high: int) -> int:
    """Return a whole number that a name is given by a hash."""
    return low + int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % (high - low + 1)


def letter(which: str, pitch: int, count: int, name: str) -> Ints:
    """Return one letter, at most about 12,000 loud, with soft ends."""
    first, second, loud = (VOWELS | CONSONANTS)[which]
    ends = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]), 120)
    if not first:
        noise = np.frombuffer(hashlib.shake_256(name.encode()).digest(2 * count), dtype="<i2").astype(np.int64)
        return np.diff(noise, prepend=0) * loud // 600 * ends // 120
    phase, out = np.arange(count) * pitch * STEPS // RATE, np.zeros(count, dtype=np.int64)
    for harmonic in range(1, RATE // 2 // pitch):
        at = pitch * harmonic
        near = 12_000 * 14_400 // (14_400 + (at - first) ** 2) + 7_000 * 14_400 // (14_400 + (at - second) ** 2)
        out += SINE[phase * harmonic % STEPS] * near // 32_767
    return out * loud // 100 * ends // 120 // 2


def spoken(word: str, voice: str) -> Ints:
    """Return a word in a voice, 16-bit samples, with a little silence around it and noise behind all."""
    parts = [np.zeros(240, np.int64)]
    for place, one in enumerate(word):
        name = f"{word} {voice} {place}"
        usual = LONG if one in VOWELS else SHORT
        count = usual * number(f"{name} long", 92, 108) // 100
        parts.append(letter(one, VOICES[voice] + number(f"{name} high", -3, 3), count, name))
    whole = np.concatenate([*parts, np.zeros(240, np.int64)])
    noise = np.frombuffer(hashlib.shake_256(f"{word} {voice}".encode()).digest(2 * len(whole)), dtype="<i2")
    return np.clip(whole + noise.astype(np.int64) // 1_000, -32_768, 32_767)


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


def words() -> list[str]:
    """Return the words: each is two syllables of a consonant and a vowel, in an order that a hash gives."""
    syllables = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
    every = [one + other for one in syllables for other in syllables if one != other]
    return sorted(every, key=lambda word: hashlib.sha256(word.encode()).digest())[:WORDS]


def table() -> str:
    """Return the whole sample as CSV."""
    lines = ["text,audio,voice"]
    for word in words():
        for voice in VOICES:
            content = base64.b64encode(wav(ulaw(spoken(word, voice)))).decode()
            lines.append(f'{word},"data:audio/wav;base64,{content}",{voice}')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table(), encoding="ascii")
