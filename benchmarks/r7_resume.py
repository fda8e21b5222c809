"""R7: from resume to the first optimizer step after a stop at step k: our loop against transformers.Trainer."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import race
from race import Contestant, Lap, RaceFailed
from resume import MAPPED, OURS, STREAMED, UNSKIPPED, Plan

TITLES = {
    OURS: "engram",
    MAPPED: "Trainer",
    STREAMED: "Trainer, rows as a stream",
    UNSKIPPED: "Trainer, ignore_data_skip (inexact)",
}
EXACT = (OURS, MAPPED, STREAMED)
ROWS, STOPS, QUICK_ROWS, QUICK_STOPS, BATCH = 20_000, (10, 100, 1000), 1_000, (2, 10, 40), 16
PEER_TOLERANCE = 1e-4
MOST_GROWTH = 1.1
PER = 1000


def contestants(plan: Plan, part: str, name: str) -> list[Contestant]:
    """Return one way to resume as contestants: one for each stop, or the one that prepares them all."""
    file = str(Path(__file__).with_name("resume.py"))
    stops = plan.stops if part == "resume" else plan.stops[:1]
    said = [json.dumps(asdict(replace(plan, stop=stop))) for stop in stops]
    return [
        Contestant(called(name, stop), (sys.executable, file, part, name, one))
        for stop, one in zip(stops, said, strict=True)
    ]


def called(name: str, stop: int) -> str:
    """Return what a contestant is called in the table.

    >>> called(OURS, 100)
    'engram, k = 100'
    """
    return f"{TITLES[name]}, k = {stop}"


def check_work(laps: race.Laps, stops: tuple[int, ...]) -> list[str]:
    """Check that every exact contestant went on as if it had never stopped, and say so.

    The step after the stop must have the loss that it has in a training without a stop: bit for bit on our side,
    within 1e-4 for the peer, in every round. Raises RaceFailed when one has another, or made another step.
    """
    for name in TITLES:
        for stop in stops:
            for lap in laps[called(name, stop)]:
                found = lap.result
                if found["step"] != stop + 1:
                    raise RaceFailed(f"NOT EQUAL: {called(name, stop)} made step {found['step']}, not {stop + 1}.")
                if name in EXACT:
                    both = {"resumed": float(found["loss"]), "without a stop": float(found["unbroken"])}
                    tolerance = 0.0 if name == OURS else PEER_TOLERANCE
                    race.check_equal(f"the next loss of {called(name, stop)}", both, tolerance)
    return [f"equal work: the next loss is that of a training without a stop, ours bit for bit, at k = {told(stops)}"]


def told(stops: tuple[int, ...]) -> str:
    """Return the stops for a sentence.

    >>> told((10, 100, 1000))
    '10, 100 and 1000'
    """
    return f"{', '.join(map(str, stops[:-1]))} and {stops[-1]}"


def seconds(laps: race.Laps, stops: tuple[int, ...]) -> dict[str, dict[int, float]]:
    """Return each way's median CPU seconds at each stop."""
    return {name: {stop: race.median_cpu(laps[called(name, stop)]) for stop in stops} for name in TITLES}


def slope(at: Mapping[int, float]) -> float:
    """Return by how many seconds the time grows with 1,000 steps more before the stop (least squares).

    >>> round(slope({0: 1.0, 500: 2.0, 1000: 3.0}), 6)
    2.0
    """
    return PER * statistics.linear_regression(list(at), list(at.values())).slope


def columns(laps: race.Laps, stops: tuple[int, ...]) -> dict[str, dict[str, str]]:
    """Return the race's own columns: batches made before the first step was done, and the loss of that step."""

    def loss(lap: Lap) -> str:
        return f"{lap.result['loss']:.6f}, without a stop {lap.result['unbroken']:.6f}"

    first = {called(name, stop): laps[called(name, stop)][0] for name in TITLES for stop in stops}
    return {
        "batches made": {name: str(lap.result["batches"]) for name, lap in first.items()},
        "next loss": {name: loss(lap) for name, lap in first.items()},
    }


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of a short epoch, to see that it works")
    given = options.parse_args()
    environment = {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(
            rows=QUICK_ROWS if given.quick else ROWS,
            batch=BATCH,
            stops=QUICK_STOPS if given.quick else STOPS,
            stop=0,
            threads=1,
            folder=folder,
        )
        print(f"{plan.rows} rows, {plan.batch} a step; first a training to step {max(plan.stops) + 1}, not timed")
        for name in EXACT:
            race.run_lap(contestants(plan, "prepare", name)[0], 0, environment)
        every = [one for name in TITLES for one in contestants(plan, "resume", name)]
        laps = race.run(every, 1 if given.quick else race.ROUNDS, environment=environment)
    finish(laps, replace(plan, folder=""), quick=given.quick)


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines: list[str] = []
    found, least, most = seconds(laps, plan.stops), min(plan.stops), max(plan.stops)
    over = {name: at[most] / found[OURS][most] for name, at in found.items()}
    growth = found[OURS][most] / found[OURS][least]
    slopes = {name: slope(at) for name, at in found.items()}
    try:
        lines += check_work(laps, plan.stops)
    except RaceFailed as error:
        unequal = error
    else:
        lines += [
            *(f"{TITLES[name]}: {one:+.3f} CPU s per {PER} steps before the stop" for name, one in slopes.items()),
            f"over the peer whose rows are a stream: {over[STREAMED]:.1f} x at k = {most}",
            race.goal(f"ours at k = {most} takes at most {MOST_GROWTH:g} x k = {least}", growth <= MOST_GROWTH),
        ]
    race.finish(
        "r7_resume",
        laps,
        packages=("engram", "torch", "transformers", "accelerate"),
        threads=plan.threads,
        quick=quick,
        extra=columns(laps, plan.stops),
        lines=lines,
        ratio_line=None if unequal else f"{TITLES[MAPPED]} takes {over[MAPPED]:.2f} x our CPU time at k = {most}",
        unequal=str(unequal) if unequal else None,
        over=None if unequal else over,
        growth=None if unequal else growth,
        slopes=None if unequal else slopes,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
