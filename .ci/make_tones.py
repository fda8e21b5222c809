"""Make the sample `touch_tones`: keys that are pressed on telephones, synthesised here, not recorded.

    python .ci/make_tones.py src/engram/samples/touch_tones.csv

Each key sounds as two tones at once, by ITU-T Q.23. Whole numbers from a table of sines and the digits of a hash, as in
`.ci/make_sounds.py`, so that every machine makes the same bytes.
"""

from __future__ import annotations

import base64
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from make_sounds import SINE, STEPS, Draw, Ints, ulaw

RATE = 4_000
STRINGS, FEWEST, MOST = 30, 2, 5
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477)
KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")
DIGITS = "0123456789"
# Loudness of the low and the high tone and of the noise behind them, in percent; the shortest tone and gap in samples.
PHONES = {
    "booth": (100, 55, 4, 480, 360),
    "cordless": (80, 100, 2, 400, 280),
    "desk": (100, 100, 1, 560, 320),
    "hall": (60, 80, 6, 640, 480),
    "pocket": (50, 100, 3, 400, 240),
    "wall": (100, 70, 2, 520, 440),
}


def tone(pitch: int, count: int) -> Ints:
    """Return a sine of 16 bits."""
    return SINE[np.arange(count) * pitch * STEPS // RATE % STEPS]


def key(digit: str, phone: str, draw: Draw) -> Ints:
    """Return the two tones of a key, with soft ends."""
    place = KEYS.index(digit)
    low, high, _, shortest, _ = PHONES[phone]
    count = draw.between(shortest, shortest * 3 // 2)
    both = tone(LOW[place // 3], count) * low + tone(HIGH[place % 3], count) * high
    ends = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]), 40)
    return both // 400 * ends // 40


def string(phone: str, number: int) -> tuple[str, Ints]:
    """Return the digits of one string, and its samples: keys with silence around them, noise behind all."""
    draw = Draw(f"{phone} {number}")
    _, _, noise, _, gap = PHONES[phone]
    digits = [DIGITS[draw.between(0, 9)] for _ in range(draw.between(FEWEST, MOST))]
    parts = [np.zeros(draw.between(gap, 2 * gap), np.int64)]
    loud = draw.between(50, 100)
    for digit in digits:
        parts += [key(digit, phone, draw) * loud // 100, np.zeros(draw.between(gap, 2 * gap), np.int64)]
    whole = np.concatenate(parts)
    return " ".join(digits), np.clip(whole + draw.noise(len(whole)) * noise // 200, -32_768, 32_767)


def wav(content: bytes) -> bytes:
    """Return mu-law bytes as a WAV of this sample's rate."""
    form = struct.pack("<HHIIHHH", 7, 1, RATE, RATE, 1, 8, 0)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"fact" + struct.pack("<II", 4, len(content))
    chunks += b"data" + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def table() -> str:
    """Return the whole sample as CSV."""
    lines = ["audio,text,phone"]
    for phone in PHONES:
        for number in range(STRINGS):
            text, samples = string(phone, number)
            content = wav(ulaw(samples))
            lines.append(f'"data:audio/wav;base64,{base64.b64encode(content).decode()}",{text},{phone}')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table(), encoding="ascii")
