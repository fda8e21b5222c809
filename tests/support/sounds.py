"""Sound files that tests make themselves: WAV by the standard library, the same bytes each time."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

LABELS = ("high", "low", "noise")


def tone(pitch: float, seconds: float = 0.3, rate: int = 16_000, loud: float = 0.3) -> np.ndarray:
    """Return a sine, float32."""
    return (loud * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    """Return samples as a WAV of 16 bits: (samples,) or (samples, channels)."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def sound(number: int, rate: int = 16_000) -> tuple[str, bytes]:
    """Return the label and the WAV of a sound that can be told by its pitch; lengths differ."""
    chance, label = np.random.default_rng(number), LABELS[number % len(LABELS)]
    seconds = 0.15 + 0.03 * (number % 7)
    if label == "noise":
        samples = (0.2 * chance.standard_normal(int(seconds * rate))).astype(np.float32)
    else:
        pitch = chance.uniform(1500, 2500) if label == "high" else chance.uniform(150, 400)
        samples = tone(pitch, seconds, rate, loud=chance.uniform(0.1, 0.5))
        samples += (0.01 * chance.standard_normal(len(samples))).astype(np.float32)
    return label, wav(samples, rate)


def write_folders(folder: Path, count: int = 36, rate: int = 16_000) -> Path:
    """Write sounds into sub-folders named by their labels."""
    for number in range(count):
        label, content = sound(number, rate)
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number:03}.wav").write_bytes(content)
    return folder


def write_table(folder: Path, count: int = 36, rate: int = 16_000, name: str = "rows.csv") -> Path:
    """Write sounds into one folder, with a table of audio, label and voice beside it."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    lines = ["audio,label,voice"]
    for number in range(count):
        label, content = sound(number, rate)
        (folder / "clips" / f"{number:03}.wav").write_bytes(content)
        lines.append(f"clips/{number:03}.wav,{label},{'abcdef'[number // 3 % 6]}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path
