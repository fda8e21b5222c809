"""Train a sound classifier on the sample, and ask it about a sound that this script makes.

    python examples/audio.py

It takes a few minutes on two cores and no network. Everything lies in the home that ENGRAM_HOME names, or ~/.engram.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from array import array
from math import pi, sin
from pathlib import Path

RATE = 8_000


def engram(*arguments: str) -> None:
    """Run a command of Engram, and end where it fails."""
    done = subprocess.run([sys.executable, "-m", "engram.cli.main", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def write_rising(path: Path) -> None:
    """Write a WAV of a tone that rises from 400 to 900 Hz in a third of a second."""
    count, phase, samples = RATE // 3, 0.0, array("h")
    for place in range(count):
        phase += 2 * pi * (400 + 500 * place / count) / RATE
        samples.append(int(9_000 * sin(phase)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def main() -> None:
    """Train, then ask."""
    engram("train", "signal_sounds", *sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "rising.wav"
        write_rising(sound)
        engram("predict", "last", str(sound))


if __name__ == "__main__":
    main()
