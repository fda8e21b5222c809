"""R16: sounds of like length in a batch against sounds of any length, in our loop: what is gained of the padding."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

import race
from r4_packed import ROW_LOSS_APART, rows_apart
from race import Contestant, RaceFailed
from sounds import ANY, LIKE, Plan

TITLES = {LIKE: "like lengths together", ANY: "any lengths together"}
WHOLE = Plan(rows=512, valid_rows=48, batch=16, median=1.5, spread=0.6, rate=3e-4, width=128, layers=4)
QUICK = Plan(rows=48, valid_rows=12, batch=8, median=1.0, spread=0.6, rate=3e-4, width=64, layers=1)
LEAST_SHARE = 0.9


def contestants(plan: Plan) -> list[Contestant]:
    """Return both sides."""
    file, said = str(Path(__file__).with_name("sounds.py")), json.dumps(asdict(plan))
    return [Contestant(title, (sys.executable, file, name, said)) for name, title in TITLES.items()]


def check_work(laps: race.Laps) -> list[str]:
    """Check that both learned the same sounds in as many steps, and that padding changes no row's loss.

    Raises RaceFailed when one of these does not hold.
    """
    done = {tuple(lap.result[key] for key in ("rows", "frames", "steps")) for of in laps.values() for lap in of}
    if len(done) != 1:
        raise RaceFailed(f"NOT EQUAL: rows, frames and steps are {sorted(done)}.")
    apart = rows_apart([of[0].result["row_losses"] for of in laps.values()])
    if not apart <= ROW_LOSS_APART:
        raise RaceFailed(f"NOT EQUAL: a row's loss differs by {apart:.2g} between batches, at most {ROW_LOSS_APART:g}.")
    rows, frames, steps = next(iter(done))
    probed = len(next(iter(laps.values()))[0].result["row_losses"])
    return [
        f"equal work: {rows} sounds of {frames / 50:.0f} s in {steps} steps; "
        f"the losses of {probed} rows are at most {apart:.1g} of their size apart"
    ]


def slots(laps: race.Laps) -> dict[str, float]:
    """Return how many frames each side's batches have for each frame of sound."""
    return {
        title: statistics.median(lap.result["padded"] / lap.result["frames"] for lap in laps[title]) for title in laps
    }


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of a short training, to see that it works")
    given = options.parse_args()
    plan = QUICK if given.quick else WHOLE
    environment = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    laps = race.run(contestants(plan), 1 if given.quick else race.ROUNDS, environment=environment)
    unequal: RaceFailed | None = None
    lines: list[str] = []
    spent, held = {title: race.median_cpu(laps[title]) for title in laps}, slots(laps)
    times = spent[TITLES[ANY]] / spent[TITLES[LIKE]]
    saved = held[TITLES[ANY]] / held[TITLES[LIKE]]
    try:
        lines += check_work(laps)
    except RaceFailed as error:
        unequal = error
    else:
        lines += [
            f"any lengths together make {saved:.2f} x as many frames",
            race.goal(f"at least {LEAST_SHARE:g} of what the padding takes", times >= LEAST_SHARE * saved),
        ]
    race.finish(
        "r16_sounds",
        laps,
        packages=("engram", "torch", "transformers"),
        threads=1,
        quick=given.quick,
        extra={"frames for each": {title: f"{held[title]:.2f}" for title in laps}},
        lines=lines,
        ratio_line=None if unequal else f"like lengths together are {times:.2f} x as fast",
        unequal=str(unequal) if unequal else None,
        speedup=None if unequal else times,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
