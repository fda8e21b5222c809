"""Train an encoder of texts on the sample, and set two texts side by side.

    python examples/embedding.py

It takes a few minutes on two cores and no network. Everything lies in the home that ENGRAM_HOME names, or ~/.engram.
"""

from __future__ import annotations

import json
import subprocess
import sys
from math import sqrt

ASKED = "My parcel has not come and it is a week late."
OTHERS = ("Where is my order? It should have been here on Monday.", "Please cancel my membership.")


def engram(*arguments: str, quiet: bool = False) -> str:
    """Run a command of Engram, and end where it fails; return what it said where it is kept quiet."""
    command = [sys.executable, "-m", "engram.cli.main", *arguments]
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE if quiet else None)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def cosine(one: list[float], other: list[float]) -> float:
    """Return how near two vectors lie, from -1 to 1."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def main() -> None:
    """Train, then ask."""
    engram("train", "similar_tickets", *sys.argv[1:])
    told = json.loads(engram("predict", "last", ASKED, *OTHERS, "--json", quiet=True))
    asked, *others = (one["vector"] for one in told)
    for text, vector in zip(OTHERS, others, strict=True):
        sys.stdout.write(f"{cosine(asked, vector):.3f}  {text}\n")


if __name__ == "__main__":
    main()
