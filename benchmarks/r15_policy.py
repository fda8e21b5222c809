"""R15: steps a second of PPO on CartPole: our runs, which can be resumed exactly, against Stable-Baselines3 alone."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import race
from policy import ALONE, OURS, Plan
from race import Contestant, RaceFailed

TITLES = {OURS: "engram", ALONE: "Stable-Baselines3 alone"}
WHOLE = Plan(steps=49_152, places=8, rollout=128, batch=256, epochs=10, rate=1e-3, seed=1)
QUICK = Plan(steps=2_048, places=8, rollout=128, batch=256, epochs=2, rate=1e-3, seed=1)
LEAST = 0.95


def contestants(plan: Plan) -> list[Contestant]:
    """Return both sides."""
    file, said = str(Path(__file__).with_name("policy.py")), json.dumps(asdict(plan))
    return [Contestant(title, (sys.executable, file, name, said)) for name, title in TITLES.items()]


def check_work(laps: race.Laps, plan: Plan) -> list[str]:
    """Check that both took the same steps and made the same number of updates; raises RaceFailed where not."""
    done = {title: {(lap.result["steps"], lap.result["updates"]) for lap in laps[title]} for title in TITLES.values()}
    if len(set.union(*done.values())) != 1:
        raise RaceFailed(f"NOT EQUAL: steps and epochs of updates are {done}.")
    steps, updates = next(iter(done[TITLES[OURS]]))
    return [f"equal work: {steps} steps, {updates} epochs of updates, {plan.batch} steps a minibatch"]


def speeds(laps: race.Laps) -> dict[str, float]:
    """Return each side's steps for each second of CPU time, by its median lap."""
    return {title: float(laps[title][0].result["steps"]) / race.median_cpu(laps[title]) for title in TITLES.values()}


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
    found = speeds(laps)
    ratio = found[TITLES[OURS]] / found[TITLES[ALONE]]
    try:
        lines += check_work(laps, plan)
    except RaceFailed as error:
        unequal = error
    else:
        lines.append(
            race.goal(f"ours takes at least {LEAST:g} x the steps a CPU second of the library", ratio >= LEAST)
        )
    race.finish(
        "r15_policy",
        laps,
        packages=("engram", "torch", "stable-baselines3", "gymnasium"),
        threads=1,
        quick=given.quick,
        extra={"steps a CPU s": {title: f"{speed:.0f}" for title, speed in found.items()}},
        lines=lines,
        ratio_line=None if unequal else f"{ratio:.2f} x the steps a CPU second of the library alone",
        unequal=str(unequal) if unequal else None,
        speedup=None if unequal else ratio,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
