"""R5: sentence encoding at equal precision: ours against SentenceTransformer.encode as it comes."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import race
from encode import OURS, PEER, Plan
from race import Contestant, RaceFailed

TITLES = {OURS: "engram", PEER: "SentenceTransformer.encode"}
TEXTS, QUICK_TEXTS = 1600, 200
LEAST, NEAREST = 1.2, 0.997


def contestants(plan: Plan) -> list[Contestant]:
    """Return the contestants, each a child process that encodes by the plan."""
    file, said = str(Path(__file__).with_name("encode.py")), json.dumps(asdict(plan))
    return [Contestant(title, (sys.executable, file, name, said)) for name, title in TITLES.items()]


def check_work(laps: race.Laps) -> str:
    """Check that all laps gave the same vectors of the same texts, and say how near they are.

    Raises RaceFailed when they did not.
    """
    results = [lap.result for of in laps.values() for lap in of]
    if len({one["texts"] for one in results}) != 1:
        raise RaceFailed("NOT EQUAL: the contestants encoded different numbers of texts.")
    unit = [(given := np.array(one["probes"])) / np.linalg.norm(given, axis=1, keepdims=True) for one in results]
    least = float(np.min([(unit[0] * other).sum(axis=1) for other in unit]))
    if not least >= NEAREST:
        raise RaceFailed(f"NOT EQUAL: two vectors of one text have the cosine {least:.4f}, less than {NEAREST:g}.")
    return f"equal work: vectors of one text have cosines of {least:.6f} and more"


def parse() -> argparse.Namespace:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    options.add_argument("--threads", type=int, default=1, help="threads of every contestant")
    return options.parse_args()


def main() -> None:
    """Run the race."""
    given = parse()
    plan = Plan(QUICK_TEXTS if given.quick else TEXTS, given.threads)
    print(f"{plan.texts} texts, all-MiniLM-L6-v2 in fp32")
    environment = {"OMP_NUM_THREADS": str(plan.threads), "MKL_NUM_THREADS": str(plan.threads), "HF_HUB_OFFLINE": "1"}
    laps = race.run(contestants(plan), 1 if given.quick else race.ROUNDS, environment=environment)
    finish(laps, plan, quick=given.quick)


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines: list[str] = []
    speed = race.median_cpu(laps[TITLES[PEER]]) / race.median_cpu(laps[TITLES[OURS]])
    try:
        lines = [check_work(laps), race.goal(f"at least {LEAST:g} x", speed >= LEAST)]
    except RaceFailed as error:
        unequal = error
    rates = {name: f"{plan.texts / race.median_cpu(of):.0f}" for name, of in laps.items()}
    race.finish(
        "r5_encode",
        laps,
        packages=("engram", "torch", "transformers", "sentence-transformers"),
        threads=plan.threads,
        quick=quick,
        extra={"texts a CPU second": rates},
        lines=lines,
        ratio_line=None if unequal else f"engram: {speed:.2f} x the texts of {TITLES[PEER]} in a CPU second",
        speed=None if unequal else speed,
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
