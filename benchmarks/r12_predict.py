"""R12: single texts asked of a deployment by many clients: p95 and requests a second, filters on and off."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import race
from predict_load import LEVELS, Plan
from r11_lists import percentile
from race import Contestant, Lap

MOST_MS, LEAST_PER_SECOND, LEAST_GAIN, NINETY_FIVE = 50.0, 300.0, 3.0, 0.95
OFF, ON, ALONE = "engram, filters off", "engram, filters on", "engram, one request a pass"


def command(what: str, plan: Plan) -> tuple[str, ...]:
    """Return the command of a child process."""
    return (sys.executable, str(Path(__file__).with_name("predict_load.py")), what, json.dumps(asdict(plan)))


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of short loads, to see that it works")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = 1.0 if given.quick else 5.0
        plans = {
            OFF: Plan(f"{folder}/home", seconds, filters=False, batch=64),
            ON: Plan(f"{folder}/home", seconds, filters=True, batch=64),
            ALONE: Plan(f"{folder}/home", seconds, filters=False, batch=1),
        }
        race.show(Contestant("fill", command("fill", plans[OFF])), {})
        contestants = [Contestant(name, command("measure", plan)) for name, plan in plans.items()]
        laps = race.run(contestants, 1 if given.quick else race.ROUNDS)
    finish(laps, quick=given.quick)


def check_answers(laps: race.Laps) -> None:
    """Raise RaceFailed unless every text got one label from all who were asked it, whatever shared its pass."""
    known: dict[str, str] = {}
    for text, label in (pair for of in laps.values() for lap in of for pair in lap.result["labels"].items()):
        if known.setdefault(text, label) != label:
            raise race.RaceFailed(f"NOT EQUAL: {text!r} got {label} and {known[text]}.")


def per_second(lap: Lap, level: str) -> float:
    """Return the requests that were answered in a second."""
    found = lap.result["levels"][level]
    return float(len(found["ms"]) / found["seconds"])


def finish(laps: race.Laps, *, quick: bool) -> None:
    """Print and write what was found."""
    check_answers(laps)
    lines, figures = [], {}
    for name, of in laps.items():
        for level in map(str, LEVELS):
            ms = [one for lap in of for one in lap.result["levels"][level]["ms"]]
            rate = race.spread(per_second(lap, level) for lap in of)
            figures[name, level] = (percentile(ms, NINETY_FIVE), rate.median)
            lines.append(
                f"{name}, {level} clients: {rate.median:.0f} requests/s ({rate.least:.0f} to {rate.most:.0f}); "
                f"p50 {percentile(ms, 0.5):.1f} ms, p95 {figures[name, level][0]:.1f} ms, most {max(ms):.1f} ms"
            )
    most = {name: max(rate for (of, _), (_, rate) in figures.items() if of == name) for name in laps}
    both = {
        name: any(p95 < MOST_MS and rate >= LEAST_PER_SECOND for (of, _), (p95, rate) in figures.items() if of == name)
        for name in (OFF, ON)
    }
    race.finish(
        "r12_predict",
        laps,
        packages=("engram", "fastapi", "uvicorn", "grpcio", "torch", "transformers"),
        threads=1,
        quick=quick,
        extra={
            "server CPU ms": {name: _cpu(of, "server") for name, of in laps.items()},
            "core CPU ms": {name: _cpu(of, "core") for name, of in laps.items()},
        },
        lines=[
            *lines,
            "equal work: every text got the same label in every lap",
            *(
                race.goal(f"{name}: p95 under {MOST_MS:.0f} ms with {LEAST_PER_SECOND:.0f} requests/s", reached)
                for name, reached in both.items()
            ),
            race.goal(f"batches: {LEAST_GAIN:.0f} x the requests/s", most[OFF] >= LEAST_GAIN * most[ALONE]),
        ],
        ratio_line=f"batches give {most[OFF] / most[ALONE]:.2f} x the requests/s of one request a pass; "
        f"filters leave {most[ON] / most[OFF]:.2f} x",
        figures={f"{name}, {level} clients": values for (name, level), values in figures.items()},
    )


def _cpu(laps: list[Lap] | tuple[Lap, ...], who: str) -> str:
    """Return the CPU milliseconds of a process for each request, over all levels."""
    asked = [sum(len(one["ms"]) for one in lap.result["levels"].values()) for lap in laps]
    return str(race.spread(1000 * lap.result["cpu"][who] / many for lap, many in zip(laps, asked, strict=True)))


if __name__ == "__main__":
    race.start(main)
