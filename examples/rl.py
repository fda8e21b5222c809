"""Train a policy that balances a pole, and ask it what to do.

    python examples/rl.py

It takes a minute or two on two cores and no network. Everything lies in the home that ENGRAM_HOME names, or ~/.engram.
"""

from __future__ import annotations

import subprocess
import sys

# Cart and pole: where the cart is, how fast it goes, how far the pole leans, and how fast it falls.
LEANING = "[0.0, 0.0, 0.1, 0.5]"


def engram(*arguments: str) -> None:
    """Run a command of Engram, and end where it fails."""
    done = subprocess.run([sys.executable, "-m", "engram.cli.main", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Train, then ask."""
    engram("train", "cartpole", *sys.argv[1:])
    engram("predict", "last", LEANING)


if __name__ == "__main__":
    main()
