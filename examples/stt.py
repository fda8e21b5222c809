"""Train a recogniser on the sample of telephone keys, and ask it about keys that this script presses.

    python examples/stt.py

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
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477)
KEYS = "123456789*0#"


def engram(*arguments: str) -> None:
    """Run a command of Engram, and end where it fails."""
    done = subprocess.run([sys.executable, "-m", "engram.cli.main", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def write_keys(path: Path, digits: str) -> None:
    """Write a WAV of pressed keys, each two tones at once for an eighth of a second."""
    samples = array("h", bytes(RATE // 5))
    for digit in digits:
        row, column = divmod(KEYS.index(digit), 3)
        pitches = (LOW[row], HIGH[column])
        for place in range(RATE // 8):
            samples.append(int(sum(5_000 * sin(2 * pi * pitch * place / RATE) for pitch in pitches)))
        samples.extend(array("h", bytes(RATE // 4)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def main() -> None:
    """Train, then ask."""
    engram("train", "touch_tones", *sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "keys.wav"
        write_keys(sound, "2580")
        engram("predict", "last", str(sound))


if __name__ == "__main__":
    main()
