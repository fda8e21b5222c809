"""R1: how soon short commands answer: ours against `trl sft --help`."""

from __future__ import annotations

import argparse
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import race
from race import Contestant, Lap, RaceFailed

INTERPRETER, PEER = "python -c pass", "trl sft --help"
MOST_SECONDS, LEAST_RATIO = 0.15, 25.0
BAD_RECIPE = """\
format: engram.recipe/1
name: bad
kind: languag
task: classify
model: {source: embedded:minilm}
data: {sources: [{path: rows.csv}]}
train: {learing_rate: 1}
"""


def contestants(recipe: Path) -> list[Contestant]:
    """Return the interpreter alone, our commands and the peer's; each must print what it is asked for."""
    engram, trl = script("engram"), script("trl")
    return [
        Contestant(INTERPRETER, (sys.executable, "-c", "pass")),
        Contestant("engram --help", (engram, "--help"), says="recipes"),
        Contestant("engram recipes list", (engram, "recipes", "list"), says="quickstart"),
        Contestant(
            "engram recipes validate", (engram, "recipes", "validate", str(recipe)), exit_code=2, says="learning_rate"
        ),
        Contestant(PEER, (trl, "sft", "--help"), says="--learning_rate"),
    ]


def script(name: str) -> str:
    """Return the path of a command of this environment."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise RaceFailed(f"The command {name!r} is not installed here. Install it with: pip install 'engram[bench]'")
    return found


def after_interpreter(laps: race.Laps) -> dict[str, float]:
    """Return the median CPU seconds that each command takes beyond the interpreter's own start."""
    alone = race.median_cpu(laps[INTERPRETER])
    return {name: max(0.0, race.median_cpu(of) - alone) for name, of in laps.items() if name != INTERPRETER}


def slowest_of_ours(laps: race.Laps) -> str:
    """Return the name of our command with the largest median CPU time: the ratio is told of this one."""
    ours: dict[str, Sequence[Lap]] = {name: of for name, of in laps.items() if name.startswith("engram")}
    return max(ours, key=lambda name: race.median_cpu(ours[name]))


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="two rounds, to see that it works")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "bad.yaml"
        recipe.write_text(BAD_RECIPE)
        laps = race.run(
            contestants(recipe),
            2 if given.quick else 2 * race.ROUNDS,
            warm_ups=1,
            environment={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "ENGRAM_HOME": folder, "COLUMNS": "120"},
        )
    beyond, slowest = after_interpreter(laps), slowest_of_ours(laps)
    ratio = race.median_cpu(laps[PEER]) / race.median_cpu(laps[slowest])
    race.finish(
        "r1_start",
        laps,
        packages=("engram", "typer", "trl", "transformers", "torch"),
        threads=1,
        quick=given.quick,
        extra={"CPU s after the interpreter": {name: f"{seconds:.3f}" for name, seconds in beyond.items()}},
        lines=[
            race.goal(
                f"the slowest of ours, {slowest}, takes at most {MOST_SECONDS} CPU s after the interpreter's start",
                beyond[slowest] <= MOST_SECONDS,
            ),
            race.goal(f"at least {LEAST_RATIO:.0f} x", ratio >= LEAST_RATIO),
        ],
        ratio_line=f"{PEER} takes {ratio:.1f} x the CPU time of {slowest}, the interpreter's start counted on both",
        ratio_value=ratio,
        after_interpreter=beyond,
    )


if __name__ == "__main__":
    race.start(main)
