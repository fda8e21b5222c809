"""R3: LoRA SFT of a causal model at equal loss: our packed loop against TRL's SFTTrainer in its modes."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping
from dataclasses import asdict

import race
import sft_work
from race import RaceFailed
from sft import PACKED, TRL_BFD, TRL_FREE, TRL_GROUPED, TRL_PADDED, TRL_WRAPPED, Plan
from sft_work import MIXED, columns, contestants, means, speeds

TITLES = {
    PACKED: "engram, packing",
    TRL_PADDED: "TRL, padded",
    TRL_GROUPED: "TRL, group_by_length",
    TRL_FREE: "TRL, padding_free",
    TRL_BFD: "TRL, packing bfd",
    TRL_WRAPPED: "TRL, packing wrapped",
}
OURS, PADDED = TITLES[PACKED], TITLES[TRL_PADDED]
# These two are the race; the peer's other modes count when they do the same work, and are told when they don't.
MUST = (OURS, PADDED)
OVER_PADDED, OVER_BEST = 5.0, 1.5


def equal_modes(laps: race.Laps, rows: int, *, quick: bool) -> tuple[dict[str, str], list[str]]:
    """Return why modes of the peer do not count (title → reason), and lines about the work of all others.

    A mode counts when it trained on the same rows, real tokens and targets, kept rows apart, and its mean validation
    loss over the rounds is within 1 % of ours. A quick run is too short for its loops to end at one loss.

    Raises RaceFailed when ours and the padded peer did not do the same work.
    """
    allowed = math.inf if quick else race.TOLERANCE
    ours = means(laps, "loss")[OURS]
    must = {name: laps[name] for name in MUST}
    sft_work.check_same(must, rows, quick=quick)
    race.check_equal("mean validation loss after training", means(must, "loss"), allowed)
    out: dict[str, str] = {}
    for name in laps.keys() - set(MUST):
        try:
            sft_work.check_same({OURS: laps[OURS], name: laps[name]}, rows, quick=quick)
            race.check_equal("mean validation loss", {OURS: ours, name: means(laps, "loss")[name]}, allowed)
        except RaceFailed as error:
            out[name] = str(error).removeprefix("NOT EQUAL: ")
    counted = {name: of for name, of in laps.items() if name not in out}
    first, targets = (laps[OURS][0].result[key] for key in ("first_loss", "targets"))
    told = f"equal work: {rows} rows, {targets} tokens to learn, validation loss {first:.4f} before"
    if quick:
        told += "; a quick run checks no more: it is too short to compare the losses after training"
    else:
        sft_work.check_learned(counted)
        apart = race.check_equal("mean validation loss after training", means(counted, "loss"), 2 * race.TOLERANCE)
        told += f"; after training the means over the rounds are {100 * apart:.2f} % apart"
    return out, [told, *(f"not counted: {name}: {out[name]}" for name in laps if name in out)]


def ratios(speed: Mapping[str, float], out: Mapping[str, str]) -> tuple[float, float, str]:
    """Return our speed over the padded peer's and over its best mode's that counts, and that mode.

    >>> free, wrapped = TITLES[TRL_FREE], TITLES[TRL_WRAPPED]
    >>> ratios({OURS: 30.0, PADDED: 5.0, free: 10.0, wrapped: 25.0}, {wrapped: "it mixes"})
    (6.0, 3.0, 'TRL, padding_free')
    """
    best = max((name for name in speed if name != OURS and name not in out), key=lambda name: speed[name])
    return speed[OURS] / speed[PADDED], speed[OURS] / speed[best], best


def parse() -> argparse.Namespace:
    """Return the options."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    options.add_argument("--precision", choices=("bf16", "fp32"), help="on both sides; absent, what the processor has")
    options.add_argument("--threads", type=int, default=1, help="threads of every contestant")
    options.add_argument("--keep-freed", action="store_true", help="the peer keeps freed memory as our loop does")
    options.add_argument("--profile", choices=tuple(TITLES), help="print where one's CPU time goes, and stop")
    return options.parse_args()


def main() -> None:
    """Run the race."""
    given = parse()
    precision = given.precision or sft_work.best_precision()
    with tempfile.TemporaryDirectory() as folder:
        sft_work.make_base(folder)
        plan = sft_work.plan_of(folder, precision=precision, threads=given.threads, quick=given.quick)
        environment = sft_work.environment(plan.threads, keep_freed=given.keep_freed)
        if given.profile:
            race.show(contestants({given.profile: TITLES[given.profile]}, plan, "--profile")[0], environment)
            return
        print(f"{plan.rows} rows, {plan.precision}, {plan.threads} thread(s)")
        rounds = 1 if given.quick else race.ROUNDS
        laps = race.run(contestants(TITLES, plan), rounds, environment=environment)
    finish(laps, plan, quick=given.quick, kept=given.keep_freed)


def finish(laps: race.Laps, plan: Plan, *, quick: bool, kept: bool = False) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines, out = [], {}
    over_padded = over_best = ratio = None
    try:
        out, lines = equal_modes(laps, plan.rows, quick=quick)
    except RaceFailed as error:
        unequal = error
    else:
        over_padded, over_best, best = ratios(speeds(laps), out)
        lines += [
            f"over the padded peer: {over_padded:.2f} x; over its best mode that counts, {best}: {over_best:.2f} x",
            race.goal(f"at least {OVER_PADDED:g} x padded", over_padded >= OVER_PADDED),
            race.goal(f"at least {OVER_BEST:g} x the peer's best mode", over_best >= OVER_BEST),
        ]
        ratio = f"engram: {over_best:.2f} x the real tokens/CPU s of {best}"
    table = columns(laps)
    table["counts"] = {name: "no" if unequal or name in out else "yes" for name in laps}
    race.finish(
        f"r3_sft-{plan.precision}{'-kept' if kept else ''}",
        laps,
        packages=sft_work.PACKAGES,
        threads=plan.threads,
        quick=quick,
        extra=table,
        lines=lines,
        ratio_line=ratio,
        unequal=str(unequal) if unequal else None,
        not_counted=out,
        over_best=over_best,
        over_padded=over_padded,
        mixed_limit=MIXED,
        plan=asdict(plan),
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
