"""R11: 1,000 WebSockets that hear one writer: the delay of an event, and the server's memory for each of them."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import race
from live_load import Plan
from r11_lists import NINETY_FIVE, percentile
from race import Contestant, RaceFailed

OURS, MOST_MS, KIBIBYTE = "engram", 1000.0, 1024


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="few WebSockets, to see that it works")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(folder, 20, 5, 2, 0.1) if given.quick else Plan(folder, 1000, 20, 5, 0.5)
        program = str(Path(__file__).with_name("live_load.py"))
        laps: dict[str, list[race.Lap]] = {OURS: []}
        for number in range(1 if given.quick else race.ROUNDS):
            own = json.dumps(asdict(plan) | {"home": f"{folder}/{number}"})
            laps[OURS].append(race.run_lap(Contestant(OURS, (sys.executable, program, "serve", own)), number))
            print(f"  round {number + 1}: CPU {laps[OURS][-1].cpu_s:.3f} s", flush=True)
    finish(laps, plan, quick=given.quick)


def check_work(laps: race.Laps, plan: Plan) -> str:
    """Check that in every round every WebSocket heard every event once and in order, and say so."""
    for lap in laps[OURS]:
        if lap.result["right"] != plan.sockets:
            raise RaceFailed(f"NOT EQUAL: {lap.result['right']} of {plan.sockets} heard every event once, in order.")
    return f"every one of {plan.sockets} WebSockets heard each of {plan.said} events once and in order, in every round"


def finish(laps: race.Laps, plan: Plan, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed before any figure when an event was lost or doubled."""
    told = check_work(laps, plan)
    delays = [1000 * one for lap in laps[OURS] for one in lap.result["delays"]]
    memory = [lap.result["memory"] for lap in laps[OURS]]
    each = race.spread((one["idle"] - one["before"]) / plan.sockets / KIBIBYTE for one in memory)
    busy = race.spread((one["busy"] - one["before"]) / plan.sockets / KIBIBYTE for one in memory)
    sent = plan.sockets * plan.batches
    cpu = race.spread(1e6 * lap.result["cpu_writing"] / sent for lap in laps[OURS])
    p95 = percentile(delays, NINETY_FIVE)
    race.finish(
        "r11_websockets",
        laps,
        packages=("engram", "uvicorn", "websockets", "starlette"),
        threads=1,
        quick=quick,
        extra={},
        lines=[
            told,
            f"delay from before the commit to the client: p50 {percentile(delays, 0.5):.0f} ms, p95 {p95:.0f} ms, "
            f"most {max(delays):.0f} ms",
            f"memory of the server for each: {each} KiB when open, {busy} KiB after the events",
            f"CPU of the server for each frame to one of them: {cpu} microseconds",
            f"opened in {race.spread(lap.result['opened_in'] for lap in laps[OURS])} s",
            race.goal(f"p95 of the delay at most {MOST_MS:.0f} ms", p95 <= MOST_MS),
        ],
        ratio_line=f"p95 of the delay is {p95 / MOST_MS:.2f} x of {MOST_MS:.0f} ms",
        p95_ms=p95,
    )


if __name__ == "__main__":
    race.start(main)
