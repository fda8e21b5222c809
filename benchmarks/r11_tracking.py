"""R11: points of curves taken in and pages of runs, each durable and by REST: ours against MLflow's tracking server."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import race
from race import Contestant, RaceFailed
from tracking import CURVES, OURS, PAGE, PEER, PYTHON, Plan, value_of

TITLES = {OURS: "engram", PEER: "MLflow"}
LEAST_RATIO = 10.0


def contestants(plan: Plan) -> list[Contestant]:
    """Return both, each with a new folder in every round, so that no store grows."""
    program = str(Path(__file__).with_name("tracking.py"))
    return [Contestant(TITLES[side], (sys.executable, program, side, json.dumps(asdict(plan)))) for side in TITLES]


def peer_version() -> str:
    """Return the version of MLflow, which lives in an environment of its own because it pins what we use otherwise.

    Raises RaceFailed when there is none.
    """
    python = os.environ.get(PYTHON, "")
    if not python:
        raise RaceFailed(
            f"{PYTHON} must name the Python of an environment with MLflow. Make one with: "
            "python -m venv mlflow-venv && mlflow-venv/bin/pip install mlflow"
        )
    asked = [python, "-c", "import mlflow; print(mlflow.__version__)"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RaceFailed(f"{python} has no MLflow:\n{done.stderr[-500:]}")
    return done.stdout.strip()


def check_work(laps: race.Laps, plan: Plan) -> str:
    """Check that every point came back from both stores as it was told, and that every page was full."""
    due = {name: [value_of(name, step) for step in range(plan.steps)] for name in CURVES}
    for name, of in laps.items():
        for lap in of:
            if lap.result["curves"] != due:
                raise RaceFailed(f"NOT EQUAL: {name} gave other curves back than it was told.")
            if set(lap.result["page"]) != {min(PAGE, plan.runs)}:
                raise RaceFailed(f"NOT EQUAL: a page of {name} had {sorted(set(lap.result['page']))} runs.")
    return f"equal work: all {plan.points} points came back from both, and every page had {min(PAGE, plan.runs)} runs"


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of few points, to see that it works")
    given = options.parse_args()
    version = peer_version()
    laps: dict[str, list[race.Lap]] = {title: [] for title in TITLES.values()}
    for _ in range(1 if given.quick else race.ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            plan = Plan(folder, 250, 500, 60, 3) if given.quick else Plan(folder, 2000, 500, 200, 10)
            for title, of in race.run(contestants(plan), 1).items():
                laps[title] += of
    finish(laps, plan, version, quick=given.quick)


def finish(laps: race.Laps, plan: Plan, version: str, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed before any figure when the work was not equal."""
    told = check_work(laps, plan)
    ours, peer = TITLES[OURS], TITLES[PEER]
    timed = plan.points - plan.batch

    def median(name: str, what: str, clock: str) -> float:
        return race.spread(lap.result[what][clock] for lap in laps[name]).median

    def times(what: str, clock: str) -> float:
        return median(peer, what, clock) / median(ours, what, clock)

    def cells(what: str, clock: str, many: int) -> dict[str, str]:
        return {name: f"{many / median(name, what, clock):.0f}" for name in laps}

    race.finish(
        "r11_tracking",
        laps,
        packages=("engram", "fastapi", "sqlalchemy"),
        threads=1,
        quick=quick,
        extra={
            "points/CPU s": cells("ingest", "cpu", timed),
            "points/s": cells("ingest", "wall", timed),
            "pages/CPU s": cells("listed", "cpu", plan.pages),
            "pages/s": cells("listed", "wall", plan.pages),
        },
        lines=[
            f"MLflow {version}; both store in SQLite; CPU is that of the server alone",
            told,
            f"points by the wall clock: {times('ingest', 'wall'):.2f} x; pages: {times('listed', 'cpu'):.2f} x by CPU, "
            f"{times('listed', 'wall'):.2f} x by the wall clock",
            race.goal(f"at least {LEAST_RATIO:.0f} x the points/CPU s", times("ingest", "cpu") >= LEAST_RATIO),
        ],
        ratio_line=f"{ours}: {times('ingest', 'cpu'):.2f} x the points/CPU s of {peer}",
        ratio_value=times("ingest", "cpu"),
    )


if __name__ == "__main__":
    race.start(main)
