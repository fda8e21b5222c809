"""R2: CSV and JSON Lines to a clean split to tokens, cold and from cache: our path against the library datasets."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import race
from ingest import CSV, JSONL, OURS, PARTS, PEER, STRATIFIED, Plan, write_rows
from race import Contestant, Lap, RaceFailed

TITLES = {OURS: "engram", PEER: "datasets", STRATIFIED: "datasets, stratified"}
COLD, CACHED = "cold", "from cache"
# Different rows in a file; each label's share and each part's is whole. The large file is TIMES as long.
KEPT, QUICK_KEPT, SMALL_KEPT, TIMES = 10_000, 800, 80, 8
LEAST_COLD, LEAST_CACHED, MOST_MEMORY = 2.0, 20.0, 1.25
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Entry:
    """One row of the table: who does what with which file."""

    way: str
    format: str
    when: str
    times: int = 1

    @property
    def name(self) -> str:
        """What the table calls it.

        >>> Entry(OURS, CSV, COLD, 8).name
        'engram, csv, cold, 8 x the rows'
        """
        large = f", {self.times} x the rows" * (self.times > 1)
        return f"{TITLES[self.way]}, {self.format}, {self.when}{large}"

    def file(self, folder: str) -> str:
        """Return its file of rows."""
        return f"{folder}/rows-{self.times}.{self.format}"

    def command(self, folder: str) -> tuple[str, ...]:
        """Return the command of its child process."""
        cache = f"{folder}/cache-{self.way}-{self.format}" if self.when == CACHED else None
        plan = Plan(self.file(folder), f"{folder}/small.{self.format}", cache)
        return (sys.executable, str(Path(__file__).with_name("ingest.py")), self.way, json.dumps(asdict(plan)))


ENTRIES = (
    *(Entry(way, format, when) for format in (CSV, JSONL) for when in (COLD, CACHED) for way in (OURS, PEER)),
    Entry(STRATIFIED, CSV, COLD),
    *(Entry(way, CSV, COLD, TIMES) for way in (OURS, PEER)),
)


def write_files(folder: str, kept: int) -> dict[str, int]:
    """Write all files and return how many rows each entry's file has."""
    for format in (CSV, JSONL):
        write_rows(Path(folder) / f"small.{format}", SMALL_KEPT)
    times = {entry.file(folder): entry.times for entry in ENTRIES}
    made = {file: write_rows(Path(file), kept * many) for file, many in times.items()}
    return {entry.name: made[entry.file(folder)] for entry in ENTRIES}


def check_work(laps: race.Laps, kept: int) -> list[str]:
    """Check that all contestants kept the same rows and made as many tokens of them, and say so.

    In every round: eight tenths of the different rows in train, one in valid, one in test, and for each length of file
    one number of tokens. What was to come from a cache must have made no new file there, and what was to be made anew
    must have made some. Raises RaceFailed when one of these does not hold.
    """
    tokens: dict[int, set[int]] = {}
    for entry in ENTRIES:
        for lap in laps[entry.name]:
            due = dict(zip(PARTS, (kept * entry.times * share // 10 for share in (8, 1, 1)), strict=True))
            if lap.result["rows"] != due:
                raise RaceFailed(f"NOT EQUAL: {entry.name} kept {lap.result['rows']}, not {due}.")
            if (lap.result["fresh"] == 0) is not (entry.when == CACHED):
                raise RaceFailed(f"NOT EQUAL: {entry.name} made {lap.result['fresh']} new files in its cache.")
            tokens.setdefault(entry.times, set()).add(lap.result["tokens"])
    for found in tokens.values():
        if len(found) != 1:
            raise RaceFailed(f"NOT EQUAL: the contestants made different numbers of tokens: {sorted(found)}.")
    told = " and ".join(f"{min(found)} ({times} x)" for times, found in tokens.items())
    return [f"equal work: the same {kept} rows were kept, and {TIMES} x as many; tokens: {told}"]


def over(laps: race.Laps, when: str, peer: str = PEER, key: str = "cpu_s") -> dict[str, float]:
    """Return by file how many times our CPU seconds the peer takes; key: what is timed."""

    def seconds(entry: Entry) -> float:
        return race.spread(lap.result[key] for lap in laps[entry.name]).median

    theirs = [entry for entry in ENTRIES if (entry.way, entry.when) == (peer, when)]
    return {
        f"{entry.format}{f' {entry.times} x' * (entry.times > 1)}": seconds(entry) / seconds(replace(entry, way=OURS))
        for entry in theirs
    }


def peak(laps: race.Laps, entry: Entry, point: str) -> float:
    """Return the median of the greatest resident memory up to a point of the work, in MiB."""
    return race.spread(lap.result["memory"][point] / MEBIBYTE for lap in laps[entry.name]).median


def growth(laps: race.Laps, way: str, point: str) -> float:
    """Return by how much the peak grows with the file."""
    large, small = (peak(laps, Entry(way, CSV, COLD, times), point) for times in (TIMES, 1))
    return large / small


def columns(laps: race.Laps, rows: dict[str, int]) -> dict[str, dict[str, str]]:
    """Return the race's own columns: speed, the seconds to the split alone, and the peaks of memory."""

    def cells(entry: Entry, of: Sequence[Lap]) -> dict[str, str]:
        points = "start", "split", "tokens"
        return {
            "rows/CPU s": f"{rows[entry.name] / race.median_cpu(of):.0f}",
            "CPU s to the split": f"{race.spread(lap.result['split_cpu_s'] for lap in of).median:.3f}",
            "peak MiB at start, split, tokens": ", ".join(f"{peak(laps, entry, point):.0f}" for point in points),
        }

    found = {entry.name: cells(entry, laps[entry.name]) for entry in ENTRIES}
    return {column: {name: told[column] for name, told in found.items()} for column in next(iter(found.values()))}


def say(found: dict[str, float]) -> str:
    """Return ratios by file for a sentence.

    >>> say({"csv": 2.0, "csv 8 x": 3.0})
    'csv: 2.00, csv 8 x: 3.00'
    """
    return ", ".join(f"{file}: {ratio:.2f}" for file, ratio in found.items())


def main() -> None:
    """Run the race."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one round of short files, to see that it works")
    given = options.parse_args()
    kept = QUICK_KEPT if given.quick else KEPT
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_CACHE": f"{folder}/datasets",
        }
        rows = write_files(folder, kept)
        for entry in ENTRIES:
            if entry.when == CACHED:  # the first call fills the cache and is not counted
                race.run_lap(Contestant(entry.name, entry.command(folder)), 0, environment)
        every = [Contestant(entry.name, entry.command(folder)) for entry in ENTRIES]
        laps = race.run(every, 1 if given.quick else race.ROUNDS, environment=environment)
    finish(laps, rows, kept, quick=given.quick)


def finish(laps: race.Laps, rows: dict[str, int], kept: int, *, quick: bool) -> None:
    """Print and write what was found; raises RaceFailed afterwards when the work was not equal."""
    unequal: RaceFailed | None = None
    lines: list[str] = []
    cold, cached = over(laps, COLD), over(laps, CACHED)
    grown = {point: growth(laps, OURS, point) for point in ("split", "tokens")}
    try:
        lines += check_work(laps, kept)
    except RaceFailed as error:
        unequal = error
    else:
        split = over(laps, COLD, key="split_cpu_s"), over(laps, CACHED, key="split_cpu_s")
        theirs = {point: growth(laps, PEER, point) for point in grown}
        lines += [
            f"their CPU time over ours, cold: {say(cold)}; from cache: {say(cached)}",
            f"to the split alone, cold: {say(split[0])}; from cache: {say(split[1])}",
            f"stratified as ours, cold: {say(over(laps, COLD, STRATIFIED))}",
            f"peak memory with {TIMES} x the rows, to the split and to the tokens: ours {grown['split']:.2f} x and "
            f"{grown['tokens']:.2f} x, datasets {theirs['split']:.2f} x and {theirs['tokens']:.2f} x",
            race.goal(f"at least {LEAST_COLD:g} x cold, with every file", min(cold.values()) >= LEAST_COLD),
            race.goal(f"at least {LEAST_CACHED:g} x from cache", min(cached.values()) >= LEAST_CACHED),
            race.goal(f"memory to the split flat (at most {MOST_MEMORY:g} x)", grown["split"] <= MOST_MEMORY),
            race.goal(f"memory to the tokens flat (at most {MOST_MEMORY:g} x)", grown["tokens"] <= MOST_MEMORY),
        ]
    least = min(cold.values()), min(cached.values())
    told = f"engram: {least[0]:.2f} x the rows/CPU s of datasets cold, {least[1]:.2f} x from cache, at its worst file"
    race.finish(
        "r2_ingest",
        laps,
        packages=("engram", "datasets", "pyarrow", "transformers", "tokenizers"),
        threads=1,
        quick=quick,
        extra=columns(laps, rows),
        lines=lines,
        ratio_line=None if unequal else told,
        unequal=str(unequal) if unequal else None,
        cold=None if unequal else cold,
        cached=None if unequal else cached,
        memory_growth=None if unequal else grown,
        rows=rows,
    )
    if unequal:
        raise unequal


if __name__ == "__main__":
    race.start(main)
