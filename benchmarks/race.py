"""The harness of the races: contestants run in turn as child processes, and figures count only for equal work.

A contestant is a command. Its process CPU time (user and system, its own children included) and its wall time are
measured from outside. A contestant that times a part of itself writes a JSON object with ``cpu_s`` and ``wall_s`` to
the file that RACE_RESULT names; then these count. RACE_ROUND holds the number of the round, from 0.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engram.cli.output import plain_table
from engram.files import write_atomic

FORMAT = "engram.race/1"
ROUNDS = 5
TOLERANCE = 0.01
RESULT, ROUND = "RACE_RESULT", "RACE_ROUND"
FOLDER = Path(__file__).resolve().parent / "results"
OUTPUT_TAIL = 2000


class RaceFailed(Exception):
    """A contestant ended badly, or the contestants did not do the same work; there is no figure then."""


@dataclass(frozen=True)
class Contestant:
    """One side of a race. Its work is done when it ends with `exit_code` and what it printed holds `says`."""

    name: str
    command: tuple[str, ...]
    exit_code: int = 0
    says: str = ""


@dataclass(frozen=True)
class Lap:
    """One run of one contestant. cpu_s, wall_s: seconds. load: the machine's load average just before it started."""

    cpu_s: float
    wall_s: float
    load: float
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """What is told of some measurements."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.least:.3f} to {self.most:.3f})"


Laps = Mapping[str, Sequence[Lap]]


def spread(values: Iterable[float]) -> Spread:
    """Return median, least and most.

    >>> str(spread([3.0, 1.0, 2.0]))
    '2.000 (1.000 to 3.000)'
    """
    known = list(values)
    return Spread(statistics.median(known), min(known), max(known))


def order(contestants: Sequence[Contestant], rounds: int) -> list[tuple[int, Contestant]]:
    """Return who runs when: every contestant once a round, in turn, so that a slow minute hits all of them.

    >>> [f"{number}{one.name}" for number, one in order([Contestant("A", ()), Contestant("B", ())], 2)]
    ['0A', '0B', '1A', '1B']
    """
    return [(number, one) for number in range(rounds) for one in contestants]


def check_equal(what: str, values: Mapping[str, float], tolerance: float = TOLERANCE) -> float:
    """Return the largest relative difference between the contestants' values.

    Raises RaceFailed when it is more than `tolerance` (relative to the smaller one), or a value is not finite.

    >>> round(check_equal("loss", {"ours": 0.500, "peer": 0.502}), 3)
    0.004
    >>> check_equal("loss", {"ours": 0.50, "peer": 0.51})
    Traceback (most recent call last):
    race.RaceFailed: NOT EQUAL: loss differs by 2.00 %, at most 1 % is equal work (ours 0.5, peer 0.51).
    """
    said = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
    if not values or not all(map(math.isfinite, values.values())):
        raise RaceFailed(f"NOT EQUAL: {what} is not finite everywhere ({said}).")
    least, most = min(values.values()), max(values.values())
    smaller = min(abs(least), abs(most))
    difference = 0.0 if least == most else (most - least) / smaller if smaller else math.inf
    if difference > tolerance:
        apart, allowed = f"{100 * difference:.2f} %", f"{100 * tolerance:g} %"
        raise RaceFailed(f"NOT EQUAL: {what} differs by {apart}, at most {allowed} is equal work ({said}).")
    return difference


def run(
    contestants: Sequence[Contestant],
    rounds: int = ROUNDS,
    *,
    warm_ups: int = 0,
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> dict[str, list[Lap]]:
    """Let all contestants run `rounds` times in turn, after `warm_ups` rounds that don't count.

    Raises RaceFailed when one ends with another exit code than its own, or doesn't print what it should.
    """
    laps: dict[str, list[Lap]] = {one.name: [] for one in contestants}
    for _, one in order(contestants, warm_ups):
        run_lap(one, 0, environment)
    for number, one in order(contestants, rounds):
        lap = run_lap(one, number, environment)
        laps[one.name].append(lap)
        say(f"  round {number + 1}/{rounds}  {one.name}: CPU {lap.cpu_s:.3f} s, wall {lap.wall_s:.3f} s")
    return laps


def run_lap(one: Contestant, number: int, environment: Mapping[str, str] | None = None) -> Lap:
    """Run one contestant once."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "result.json"
        env = {**os.environ, **(environment or {}), RESULT: str(report), ROUND: str(number)}
        before, started = _cpu_of_children(), time.perf_counter()
        done = subprocess.run(one.command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        wall, cpu = time.perf_counter() - started, _cpu_of_children() - before
        result = json.loads(report.read_text()) if report.exists() else {}
    check_done(one, done.returncode, done.stdout.decode(errors="replace"))
    return Lap(float(result.get("cpu_s", cpu)), float(result.get("wall_s", wall)), load, result)


def show(one: Contestant, environment: Mapping[str, str]) -> None:
    """Run one contestant once outside any race, its output shown as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, **environment, RESULT: str(Path(folder) / "result.json"), ROUND: "0"}
        done = subprocess.run(one.command, env=env, check=False)
    if done.returncode != one.exit_code:
        raise RaceFailed(f"{one.name} ended with {done.returncode}, not {one.exit_code}.")


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check_done(one: Contestant, code: int, output: str) -> None:
    """Raise RaceFailed unless a contestant ended as it should and said what it should."""
    if code != one.exit_code:
        raise RaceFailed(f"{one.name} ended with {code}, not {one.exit_code}:\n{output[-OUTPUT_TAIL:]}")
    if one.says not in output:
        raise RaceFailed(f"{one.name} did not print {one.says!r}:\n{output[-OUTPUT_TAIL:]}")


def report_result(**values: Any) -> None:
    """Write what a contestant measured of itself; for contestants only."""
    Path(os.environ[RESULT]).write_text(json.dumps(values))


def table(laps: Laps, extra: Mapping[str, Mapping[str, str]] | None = None) -> list[str]:
    """Return the lines of the table: CPU and wall seconds of each contestant, then columns of the race's own.

    extra: column → contestant → cell.
    """
    more = extra or {}
    rows = [
        [name, str(spread(lap.cpu_s for lap in of)), str(spread(lap.wall_s for lap in of))]
        + [cells.get(name, "") for cells in more.values()]
        for name, of in laps.items()
    ]
    return plain_table(["contestant", "CPU s", "wall s", *more], rows)


def median_cpu(laps: Sequence[Lap]) -> float:
    """Return the median CPU seconds of some laps."""
    return spread(lap.cpu_s for lap in laps).median


def goal(text: str, reached: bool) -> str:
    """Return the line about a goal; a missed one is told and blocks nothing.

    >>> goal("at least 25 x", False)
    'goal: at least 25 x: missed'
    """
    return f"goal: {text}: {'reached' if reached else 'missed'}"


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, memory in GB, system and Python."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(pages * size / 1000**3, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return package → version; a package that is not installed is an error of the set-up, told by importlib."""
    return {name: importlib.metadata.version(name) for name in packages}


def finish(
    race: str,
    laps: Laps,
    *,
    packages: Iterable[str],
    threads: int,
    quick: bool,
    extra: Mapping[str, Mapping[str, str]],
    ratio_line: str | None,
    lines: Sequence[str] = (),
    **figures: Any,
) -> None:
    """Print the table, the race's own lines and the one ratio, and write everything as JSON.

    ratio_line: None when the work was not equal; then there is no ratio, in print as in the JSON.
    """
    known, load = versions(packages), spread(lap.load for of in laps.values() for lap in of)
    here = machine()
    print()
    for line in table(laps, extra):
        print(line)
    print()
    print(f"{here['processor']}, {here['cores']} cores, {here['memory_gb']} GB, Python {here['python']}")
    print(f"{', '.join(f'{name} {version}' for name, version in known.items())}; threads per contestant: {threads}")
    print(f"load average before the laps: {load.least:.2f} to {load.most:.2f}")
    for line in lines:
        print(line)
    if quick:
        print("A quick run shows that the race works; its figures are no measurement.")
    if ratio_line is not None:
        print(f"ratio: {ratio_line}")
    whole = {
        "format": FORMAT,
        "race": race,
        "quick": quick,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": here,
        "versions": known,
        "threads": threads,
        "load": asdict(load),
        "laps": {name: [asdict(lap) for lap in of] for name, of in laps.items()},
        "extra": extra,
        "ratio": ratio_line,
        "lines": list(lines),
        **figures,
    }
    path = FOLDER / f"{race}{'-quick' if quick else ''}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(whole, indent=2) + "\n").encode())


def start(race: Callable[[], None]) -> None:
    """Run a race and leave: 0 when there is a figure, 1 when there is none, with the reason on standard error."""
    try:
        race()
    except RaceFailed as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
