"""R4: packed against padded batches in our own loop: what is gained of what the padding takes."""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict

import race
import sft_work
from race import RaceFailed
from sft import GROUPED, PACKED, PADDED, Plan
from sft_work import columns, contestants, means, speeds

TITLES = {PACKED: "packed", PADDED: "padded, random order", GROUPED: "padded, grouped by length"}
LEAST_SHARE = 0.9
# Losses of single rows, each with the rows of its batch, may differ by this share: rounding only.
ROW_LOSS_APART = 1e-4


def check_work(laps: race.Laps, rows: int, *, quick: bool) -> list[str]:
    """Check that all ways did the same work, and say so.

    The same rows, real tokens and targets in about as many steps, the same loss of every probed row before training,
    and a mean validation loss over the rounds within 1 %, after it has fallen; a quick run is too short for the last.

    Raises RaceFailed when one of these does not hold.
    """
    sft_work.check_same(laps, rows, quick=quick)
    apart = rows_apart([of[0].result["row_losses"] for of in laps.values()])
    if not apart <= ROW_LOSS_APART:
        raise RaceFailed(f"NOT EQUAL: a row's loss differs by {apart:.2g} between batches, at most {ROW_LOSS_APART:g}.")
    last = means(laps, "loss")
    losses = race.check_equal("mean validation loss after training", last, math.inf if quick else race.TOLERANCE)
    probed = len(next(iter(laps.values()))[0].result["row_losses"])
    told = f"equal work: {rows} rows; the losses of {probed} rows are at most {apart:.1g} of their size apart"
    if quick:
        return [f"{told}; a quick run is too short to compare the losses after training"]
    sft_work.check_learned(laps)
    return [f"{told}; after training the mean losses are {100 * losses:.2f} % apart (at most 1 %)"]


def rows_apart(found: Sequence[Sequence[float]]) -> float:
    """Return the largest difference between the losses that ways give to one row, as a share of the row's loss.

    It is infinite when they gave losses of different rows, or one that is no positive number.

    >>> rows_apart([[2.0, 4.0], [2.0, 5.0]])
    0.25
    """
    good = all(loss > 0 and math.isfinite(loss) for losses in found for loss in losses)
    if len({len(losses) for losses in found}) != 1 or not found[0] or not good:
        return math.inf
    return max((max(of) - min(of)) / min(of) for of in zip(*found, strict=True))


def gained(laps: race.Laps) -> tuple[float, float]:
    """Return how many times as fast packed batches are as padded ones, and how many slots padding takes per token."""
    speed = speeds(laps)
    padded = laps[TITLES[PADDED]]
    slots = statistics.median(lap.result["padded"] / lap.result["tokens"] for lap in padded)
    return speed[TITLES[PACKED]] / speed[TITLES[PADDED]], slots


def parse() -> argparse.Namespace:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    options.add_argument("--precision", choices=("bf16", "fp32"), help="absent, what the processor has")
    options.add_argument("--threads", type=int, default=1, help="threads of every contestant")
    return options.parse_args()


def main() -> None:
    """Run the race."""
    given = parse()
    precision = given.precision or sft_work.best_precision()
    with tempfile.TemporaryDirectory() as folder:
        sft_work.make_base(folder)
        plan = sft_work.plan_of(folder, precision=precision, threads=given.threads, quick=given.quick)
        print(f"{plan.rows} rows, {plan.precision}, {plan.threads} thread(s)")
        rounds = 1 if given.quick else race.ROUNDS
        laps = race.run(contestants(TITLES, plan), rounds, environment=sft_work.environment(plan.threads))
    finish(laps, plan, quick=given.quick)


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines: list[str] = []
    times = slots = ratio = None
    try:
        lines += check_work(laps, plan.rows, quick=quick)
    except RaceFailed as error:
        unequal = error
    else:
        times, slots = gained(laps)
        lines += [
            f"packed is {times:.2f} x as fast; padded batches have {slots:.2f} slots for each real token",
            race.goal(f"at least {LEAST_SHARE:g} of what the padding takes", times >= LEAST_SHARE * slots),
        ]
        ratio = f"packed: {times:.2f} x the real tokens/CPU s of padded, {times / slots:.2f} of what the padding takes"
    race.finish(
        f"r4_packed-{plan.precision}",
        laps,
        packages=("engram", "torch", "transformers", "peft"),
        threads=plan.threads,
        quick=quick,
        extra=columns(laps),
        lines=lines,
        ratio_line=ratio,
        unequal=str(unequal) if unequal else None,
        over_padded=times,
        slots_per_token=slots,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
