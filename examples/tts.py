"""Teach a small model to speak the sample's words, and let it say one that it never heard.

    python examples/tts.py

It takes a few minutes on two cores and no network. Everything lies in the home that ENGRAM_HOME names, or ~/.engram;
the sounds are written into the folder `spoken` where you stand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def engram(*arguments: str) -> None:
    """Run a command of Engram, and end where it fails."""
    done = subprocess.run([sys.executable, "-m", "engram.cli.main", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Train, then let both voices speak."""
    engram("train", "made_voices", *sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked.json"
        asked.write_text(json.dumps([{"text": "mana", "voice": voice} for voice in ("deep", "clear")]))
        engram("predict", "last", "--file", str(asked), "--save", "spoken")


if __name__ == "__main__":
    main()
