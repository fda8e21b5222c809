"""R8: peak memory of a language model's loss: rows of logits at a time against the whole vocabulary at once."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import race
from loss_memory import FULL, OURS, Plan
from race import Contestant, Lap, RaceFailed

TITLES = {OURS: "engram", FULL: "full-vocabulary logits"}
TOKENS, QUICK_TOKENS, WIDTH, VOCABULARY = 2048, 1024, 576, 32_000
MOST_MEMORY = 0.5
# How far loss and gradients may be apart: fp32 sums in another order, and bf16 products.
TOLERANCES = {"fp32": 1e-4, "bf16": 2e-2}
MEBIBYTE = 2**20


def contestants(plan: Plan) -> list[Contestant]:
    """Return the contestants, each a child process that runs the loss once by the plan."""
    file = str(Path(__file__).with_name("loss_memory.py"))
    said = json.dumps(asdict(plan))
    return [Contestant(title, (sys.executable, file, name, said)) for name, title in TITLES.items()]


def check_work(laps: race.Laps, tolerance: float) -> list[str]:
    """Check that all contestants found one loss and one gradient, in every round, and say so.

    Raises RaceFailed when they did not, or when a contestant's memory did not rise at all: then something before the
    loss had held more than the loss did, and nothing was measured.
    """
    results = [lap.result for of in laps.values() for lap in of]
    race.check_equal("the loss", {f"lap {i}": one["loss"] for i, one in enumerate(results)}, tolerance)
    apart = max(gradient_gap(results, name, tolerance) for name in ("hidden", "weight"))
    if min(one["memory"] for one in results) <= 0:
        raise RaceFailed("NOT MEASURED: the memory did not rise above the baseline.")
    loss = results[0]["loss"]
    return [f"equal work: loss {loss:.3f}, gradients at most {apart:.1e} of their length apart (at most {tolerance:g})"]


def gradient_gap(results: Sequence[Mapping[str, Any]], name: str, tolerance: float) -> float:
    """Return how far gradients are apart, as a share of their length; raises RaceFailed when it is too much."""
    race.check_equal(f"the gradient of {name}", {f"lap {i}": one[name][0] for i, one in enumerate(results)}, tolerance)
    sums = [one[name][1:] for one in results]
    apart = max(max(probed) - min(probed) for probed in zip(*sums, strict=True))
    if not all(map(math.isfinite, itertools.chain(*sums))) or apart > tolerance:
        raise RaceFailed(f"NOT EQUAL: the gradients of {name} are {apart:.1e} of their length apart.")
    return float(apart)


def memory(laps: race.Laps) -> dict[str, float]:
    """Return each contestant's median memory above the baseline, in bytes."""
    return {name: race.spread(lap.result["memory"] for lap in of).median for name, of in laps.items()}


def columns(laps: race.Laps) -> dict[str, dict[str, str]]:
    """Return the race's own columns: memory of the loss, and what was there before it."""

    def told(of: Sequence[Lap], key: str) -> str:
        found = race.spread(lap.result[key] / MEBIBYTE for lap in of)
        return f"{found.median:.1f} ({found.least:.1f} to {found.most:.1f})"

    return {
        "MiB above the baseline": {name: told(of, "memory") for name, of in laps.items()},
        "baseline MiB": {name: told(of, "baseline") for name, of in laps.items()},
    }


def parse() -> argparse.Namespace:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    options.add_argument("--precision", choices=tuple(TOLERANCES), default="fp32", help="on both sides")
    options.add_argument("--threads", type=int, default=1, help="threads of every contestant")
    return options.parse_args()


def main() -> None:
    """Run the race."""
    given = parse()
    plan = Plan(QUICK_TOKENS if given.quick else TOKENS, WIDTH, VOCABULARY, given.precision, given.threads)
    print(f"{plan.tokens} tokens, width {plan.width}, vocabulary {plan.vocabulary}, {plan.precision}")
    environment = {"OMP_NUM_THREADS": str(plan.threads), "MKL_NUM_THREADS": str(plan.threads)}
    laps = race.run(contestants(plan), 1 if given.quick else race.ROUNDS, environment=environment)
    finish(laps, plan, quick=given.quick)


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines: list[str] = []
    found = memory(laps)
    share = found[TITLES[OURS]] / max(1.0, found[TITLES[FULL]])
    speed = race.median_cpu(laps[TITLES[FULL]]) / race.median_cpu(laps[TITLES[OURS]])
    try:
        lines += check_work(laps, TOLERANCES[plan.precision])
    except RaceFailed as error:
        unequal = error
    else:
        lines += [
            f"{TITLES[FULL]} take {speed:.2f} x our CPU time",
            race.goal(f"at most {MOST_MEMORY:g} x the memory", share <= MOST_MEMORY),
        ]
    race.finish(
        f"r8_loss_memory-{plan.precision}",
        laps,
        packages=("engram", "torch"),
        threads=plan.threads,
        quick=quick,
        extra=columns(laps),
        lines=lines,
        ratio_line=None if unequal else f"engram: {share:.2f} x the peak memory of {TITLES[FULL]}",
        unequal=str(unequal) if unequal else None,
        memory_share=None if unequal else share,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
