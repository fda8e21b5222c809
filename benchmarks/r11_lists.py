"""R11: pages of 100,000 runs and curves of a million points, asked of a real server: the slowest p95 against 200 ms."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import race
from listing import Plan
from race import Contestant, Lap

OURS, MOST_MS, NINETY_FIVE = "engram", 200.0, 0.95


def command(what: str, plan: Plan) -> tuple[str, ...]:
    """Return the command of a child process."""
    return (sys.executable, str(Path(__file__).with_name("listing.py")), what, json.dumps(asdict(plan)))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not exceeded by a share of all.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5), percentile([1.0], 0.95)
    (2.0, 1.0)
    """
    known = sorted(values)
    return known[max(0, -int(-len(known) * share // 1) - 1)]


def by_request(laps: Sequence[Lap], which: int = 0) -> dict[str, list[float]]:
    """Return the milliseconds of every request of all laps, by name; which: 0 for wall time, 1 for CPU time."""
    names = laps[0].result["seconds"]
    return {name: [1000 * one[which] for lap in laps for one in lap.result["seconds"][name]] for name in names}


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="few runs, to see that it works")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = f"{folder}/home"
        plan = Plan(home, 2000, 20_000, 1000, 10) if given.quick else Plan(home, 100_000, 1_000_000, 20_000, 100)
        race.show(Contestant("fill", command("fill", plan)), {})
        laps = race.run([Contestant(OURS, command("measure", plan))], 2 if given.quick else race.ROUNDS)
    finish(laps, plan, quick=given.quick)


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found."""
    found, cpu = by_request(laps[OURS]), by_request(laps[OURS], 1)
    p95 = {name: percentile(values, NINETY_FIVE) for name, values in found.items()}
    slowest = max(p95, key=lambda name: p95[name])
    lines = [
        f"{name}: p50 {percentile(values, 0.5):.1f} ms, p95 {p95[name]:.1f} ms, most {max(values):.1f} ms; "
        f"CPU p50 {percentile(cpu[name], 0.5):.1f} ms, p95 {percentile(cpu[name], NINETY_FIVE):.1f} ms"
        for name, values in found.items()
    ]
    race.finish(
        "r11_lists",
        laps,
        packages=("engram", "fastapi", "uvicorn", "sqlalchemy"),
        threads=1,
        quick=quick,
        extra={},
        lines=[
            f"{plan.runs} runs, {plan.points} points; {len(next(iter(found.values())))} requests of each sort",
            *lines,
            race.goal(f"p95 of every request at most {MOST_MS:.0f} ms", p95[slowest] <= MOST_MS),
        ],
        ratio_line=f"the slowest, {slowest}, takes {p95[slowest] / MOST_MS:.2f} x of {MOST_MS:.0f} ms at p95",
        p95_ms=p95,
    )


if __name__ == "__main__":
    race.start(main)
