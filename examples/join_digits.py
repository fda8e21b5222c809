"""Join recordings of single digits to strings of digits: sound files, and a table that says what is spoken in them.

    python examples/join_digits.py data/fsdd/recordings data/digit_strings

The recordings are those of the Free Spoken Digit Dataset (Zohar Jackson and others, CC BY-SA 4.0), or others that are
named like them: digit_speaker_take.wav, one channel of 16 bits. What is made of them has their licence. The same
recordings and the same options make the same files. The recipe digit_strings learns from the folder.

Recordings of one string are of one speaker and of one block of takes, so that a split by the column `block` has no
recording on both sides.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import wave
from collections import defaultdict
from pathlib import Path

TAKES_A_BLOCK = 5
GAP_SECONDS = (0.05, 0.25)  # of silence before, between and behind
Recording = tuple[int, bytes]


def read(path: Path) -> tuple[int, bytes]:
    """Return the rate and the samples of a recording."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            sys.exit(f"{path} is not one channel of 16 bits.")
        return file.getframerate(), file.readframes(file.getnframes())


def find(folder: Path) -> tuple[int, dict[tuple[str, str], list[Recording]]]:
    """Return the rate, and speaker and block → the recordings, each with its digit."""
    found: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    rates = set()
    for path in sorted(folder.glob("*.wav")):
        parts = path.stem.split("_")
        if len(parts) != 3 or not parts[0].isdigit() or not parts[2].isdigit() or int(parts[0]) > 9:
            sys.exit(f"{path.name} is not named digit_speaker_take.wav.")
        rate, samples = read(path)
        rates.add(rate)
        found[parts[1], f"{parts[1]}{int(parts[2]) // TAKES_A_BLOCK:02}"].append((int(parts[0]), samples))
    if len(rates) != 1:
        sys.exit(f"{folder} holds no recordings of one rate." if rates else f"{folder} holds no .wav files.")
    return rates.pop(), found


def joined(recordings: list[Recording], rate: int, chance: random.Random) -> tuple[str, bytes]:
    """Return what is spoken, digits with a space between them, and the samples with silence around each recording."""

    def silence() -> bytes:
        return bytes(2 * int(chance.uniform(*GAP_SECONDS) * rate))

    sounds = silence() + b"".join(samples + silence() for _, samples in recordings)
    return " ".join(str(digit) for digit, _ in recordings), sounds


def strings_of(recordings: list[Recording], times: int, longest: int, chance: random.Random) -> list[list[Recording]]:
    """Deal recordings into strings of 2 to `longest`, each recording `times` times."""
    strings = []
    for _ in range(times):
        dealt = chance.sample(recordings, len(recordings))
        while dealt:
            count = chance.randint(2, longest)
            strings.append(dealt[:count])
            dealt = dealt[count:]
    return strings


def main() -> None:
    """Read the recordings and write strings and table; a folder that is there already is left as it is."""
    parser = argparse.ArgumentParser(description="Join recordings of digits to strings of digits.")
    parser.add_argument("recordings", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--times", type=int, default=3, help="in how many strings each recording stands")
    parser.add_argument("--longest", type=int, default=6, help="the most digits of a string")
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    rate, found = find(given.recordings)
    given.to.mkdir(parents=True)
    chance = random.Random(given.seed)  # noqa: S311 - no secret hangs on it
    with (given.to / "rows.csv").open("w", encoding="ascii", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("audio", "text", "speaker", "block"))
        for (speaker, block), recordings in sorted(found.items()):
            for number, string in enumerate(strings_of(recordings, given.times, given.longest, chance)):
                text, samples = joined(string, rate, chance)
                name = f"{block}_{number:03}.wav"
                with wave.open(str(given.to / name), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(rate)
                    file.writeframes(samples)
                table.writerow((name, text, speaker, block))


if __name__ == "__main__":
    main()
