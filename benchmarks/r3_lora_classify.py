"""R3: LoRA text classification at equal loss: real tokens/s of our loop against transformers.Trainer with peft."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import race
from lora_classify import GROUPED, MADE_UP, OURS, PADDED, SST2, Plan, sst2_folder
from race import Contestant, Lap, RaceFailed

TITLES = {
    OURS: "engram",
    PADDED: "Trainer + peft, padded",
    GROUPED: "Trainer + peft, group_by_length",
}
ROWS, VALID_ROWS, QUICK_ROWS, QUICK_VALID_ROWS = 1600, 750, 160, 100
EPOCHS, BATCH, LEARNING_RATE = 1, 16, 6e-4
# A loss that barely moved would be equal for any two loops, so it must fall by this share at least.
LEAST_LEARNED = 0.05
OVER_PADDED, OVER_BEST = 5.0, 1.5


def contestants(plan: Plan, *more: str) -> list[Contestant]:
    """Return the contestants, each a child process that trains once by the plan."""
    file = str(Path(__file__).with_name("lora_classify.py"))
    said = json.dumps(asdict(plan))
    return [Contestant(title, (sys.executable, file, name, said, *more)) for name, title in TITLES.items()]


def check_work(laps: race.Laps, rows: int, *, quick: bool) -> list[str]:
    """Check that all contestants did the same work, and say so.

    Same rows, real tokens and optimizer steps in every round, the same loss before training, and a mean validation
    loss over the rounds within 1 %, after it has fallen. A quick run is too short for its loops to end at one loss:
    there the losses after training need only be finite, and the line says so.

    Raises RaceFailed when one of these does not hold.
    """
    for key in ("rows", "tokens", "steps"):
        seen = {lap.result[key] for of in laps.values() for lap in of}
        if len(seen) != 1:
            raise RaceFailed(f"NOT EQUAL: the contestants trained on different numbers of {key}: {sorted(seen)}.")
    if seen_rows := {lap.result["rows"] for of in laps.values() for lap in of} - {rows}:
        raise RaceFailed(f"NOT EQUAL: {rows} rows were planned, {sorted(seen_rows)} were trained on.")
    first = {name: float(of[0].result["first_loss"]) for name, of in laps.items()}
    race.check_equal("validation loss before training", first, 1e-6)
    last = means(laps, "loss")
    apart = race.check_equal("mean validation loss after training", last, math.inf if quick else race.TOLERANCE)
    told = f"equal work: {rows} rows, validation loss {max(first.values()):.4f} before"
    if quick:
        return [f"{told}; a quick run checks no more: it is too short to compare the losses after training"]
    fell = 1 - max(last.values()) / max(first.values())
    if fell < LEAST_LEARNED:
        raise RaceFailed(f"NOT EQUAL: the loss fell by {fell:.1%} only; equal losses that did not fall prove nothing.")
    return [f"{told}; after training the means over the rounds are {100 * apart:.2f} % apart (at most 1 %)"]


def means(laps: race.Laps, key: str) -> dict[str, float]:
    """Return the mean over the rounds of something that the contestants reported."""
    return {name: statistics.fmean(float(lap.result[key]) for lap in of) for name, of in laps.items()}


def speeds(laps: race.Laps) -> dict[str, float]:
    """Return each contestant's median real tokens per CPU second."""
    return {name: statistics.median(lap.result["tokens"] / lap.cpu_s for lap in of) for name, of in laps.items()}


def ratios(speed: Mapping[str, float]) -> tuple[float, float]:
    """Return our speed over the padded peer's and over the best peer's.

    >>> ratios({TITLES[OURS]: 30.0, TITLES[PADDED]: 10.0, TITLES[GROUPED]: 20.0})
    (3.0, 1.5)
    """
    ours, padded, grouped = (speed[TITLES[name]] for name in (OURS, PADDED, GROUPED))
    return ours / padded, ours / max(padded, grouped)


def columns(laps: race.Laps) -> dict[str, dict[str, str]]:
    """Return the race's own columns: speeds, padding, steps and losses."""

    def cells(of: Sequence[Lap]) -> dict[str, str]:
        rates = race.spread(lap.result["tokens"] / lap.cpu_s for lap in of)
        walls = race.spread(lap.result["tokens"] / lap.wall_s for lap in of)
        real = statistics.median(lap.result["tokens"] / lap.result["padded"] for lap in of)
        steps = statistics.median(lap.result["steps"] for lap in of)
        loss = statistics.fmean(lap.result["loss"] for lap in of)
        return {
            "real tokens/CPU s": f"{rates.median:.0f} ({rates.least:.0f} to {rates.most:.0f})",
            "real tokens/s": f"{walls.median:.0f}",
            "real share": f"{real:.2f}",
            "steps": f"{steps:.0f}",
            "mean loss": f"{loss:.4f}",
        }

    found = {name: cells(of) for name, of in laps.items()}
    return {column: {name: told[column] for name, told in found.items()} for column in next(iter(found.values()))}


def parse() -> argparse.Namespace:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    options.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="on both sides")
    options.add_argument("--data", choices=(MADE_UP, SST2), default=MADE_UP, help="texts of the same lengths")
    options.add_argument("--threads", type=int, default=1, help="threads of every contestant")
    options.add_argument("--profile", action="store_true", help="print where our CPU time goes, and stop")
    return options.parse_args()


def main() -> None:
    """Run the race."""
    given = parse()
    plan = Plan(
        rows=QUICK_ROWS if given.quick else ROWS,
        valid_rows=QUICK_VALID_ROWS if given.quick else VALID_ROWS,
        epochs=EPOCHS,
        batch=BATCH,
        learning_rate=LEARNING_RATE,
        precision=given.precision,
        threads=given.threads,
        data=given.data,
    )
    environment = {
        "OMP_NUM_THREADS": str(plan.threads),
        "MKL_NUM_THREADS": str(plan.threads),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    if given.profile:
        race.show(contestants(plan, "--profile")[0], environment)
        return
    if plan.data == SST2:
        sst2_folder()
    print(f"{plan.data} texts, {plan.rows} rows, {plan.precision}, {plan.threads} thread(s)")
    laps = race.run(contestants(plan), 1 if given.quick else race.ROUNDS, environment=environment)
    finish(laps, plan, quick=given.quick)


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines: list[str] = []
    try:
        lines += check_work(laps, plan.rows * plan.epochs, quick=quick)
    except RaceFailed as error:
        unequal = error
    over_padded, over_best = ratios(speeds(laps))
    if not unequal:
        lines += [
            f"over the padded peer: {over_padded:.2f} x; over the best peer: {over_best:.2f} x (real tokens/CPU s)",
            race.goal(f"at least {OVER_PADDED:g} x padded", over_padded >= OVER_PADDED),
            race.goal(f"at least {OVER_BEST:g} x the best peer", over_best >= OVER_BEST),
        ]
    race.finish(
        f"r3_lora_classify-{plan.data}-{plan.precision}",
        laps,
        packages=("engram", "torch", "transformers", "peft", "accelerate"),
        threads=plan.threads,
        quick=quick,
        extra=columns(laps),
        lines=lines,
        ratio_line=None if unequal else f"engram: {over_best:.2f} x the real tokens/CPU s of the best peer",
        unequal=str(unequal) if unequal else None,
        over_best=None if unequal else over_best,
        over_padded=None if unequal else over_padded,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
