"""R13: durable entries a second, one by one and in batches, and a long ledger verified whole."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import race
from race import Contestant, Lap

from engram.ledger.keys import load_or_create_signer
from engram.ledger.leaf import Draft
from engram.ledger.log import Ledger
from engram.ledger.verify import verify_ledger

ONE, BATCHED, VERIFIED = "one by one", "batches of 100", "verified"
BATCH = 100
# What a transparency log that is run as a service states for itself: Tessera's 1,500 entries a second.
WANTED, MOST_SECONDS, WHOLE = 1500.0, 10.0, 1_000_000


def write(folder: Path, entries: int, batch: int) -> float:
    """Append entries, each batch durable before the next begins; return the seconds."""
    ledger = Ledger.open(folder / "ledger", load_or_create_signer(folder / "keys"))
    drafts = [
        Draft("run.judged", f"r_{number:026}", {"stage": "train", "verdict": "0" * 64}) for number in range(batch)
    ]
    began = time.perf_counter()
    for _ in range(entries // batch):
        ledger.append_many(drafts)
    return time.perf_counter() - began


def measure(what: str, entries: int, folder: Path) -> None:
    """Be one contestant: write a ledger of one's own, or verify the one that lies in the folder."""
    cpu = time.process_time()
    if what == VERIFIED:
        key = Ledger.open(folder / "ledger", load_or_create_signer(folder / "keys")).key
        began = time.perf_counter()
        checks = list(verify_ledger(folder / "ledger", key))
        seconds = time.perf_counter() - began
        size = Ledger.read(folder / "ledger", key).size
        if not all(one.ok for one in checks):
            raise race.RaceFailed(f"NOT EQUAL: {[one for one in checks if not one.ok]}")
    else:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            seconds = write(Path(own), entries, 1 if what == ONE else BATCH)
        size = entries
    race.report_result(wall_s=seconds, cpu_s=time.process_time() - cpu, entries=size)


def rate(laps: list[Lap]) -> race.Spread:
    """Return entries a second."""
    return race.spread(lap.result["entries"] / lap.wall_s for lap in laps)


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="few entries, to see that it works")
    options.add_argument("--contestant", nargs=3, metavar=("WHAT", "ENTRIES", "FOLDER"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.contestant:
        what, entries, folder = given.contestant
        measure(what, int(entries), Path(folder))
        return
    single, batched, whole = (20, 200, 2000) if given.quick else (500, 20_000, WHOLE)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), whole, 1000)
        command = (sys.executable, __file__, "--contestant")
        contestants = [
            Contestant(name, (*command, name, str(entries), folder))
            for name, entries in ((ONE, single), (BATCHED, batched), (VERIFIED, whole))
        ]
        laps = race.run(contestants, 2 if given.quick else race.ROUNDS)
    if any(lap.result["entries"] != whole for lap in laps[VERIFIED]):
        raise race.RaceFailed("NOT EQUAL: the ledger that was verified is not the one that was written.")
    finish(laps, whole, quick=given.quick)


def finish(laps: dict[str, list[Lap]], whole: int, *, quick: bool) -> None:
    """Print and write what was found."""
    rates = {name: rate(of) for name, of in laps.items()}
    seconds = race.spread(lap.wall_s for lap in laps[VERIFIED]).median
    race.finish(
        "r13_ledger",
        laps,
        packages=("engram", "cryptography"),
        threads=1,
        quick=quick,
        extra={"entries a second": {name: str(one) for name, one in rates.items()}},
        lines=[
            race.goal(f"{WANTED:.0f} durable entries a second in batches", rates[BATCHED].median >= WANTED),
            f"{whole} entries verified in {seconds:.2f} s",
            race.goal(f"a million verified in {MOST_SECONDS:.0f} s", seconds * WHOLE / whole <= MOST_SECONDS),
        ],
        ratio_line=f"batches write {rates[BATCHED].median / WANTED:.2f} x of {WANTED:.0f} entries a second",
        rates={name: one.median for name, one in rates.items()},
    )


if __name__ == "__main__":
    race.start(main)
