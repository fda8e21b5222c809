"""Points of charts: the numbers that metric events carried, thinned out when they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, tuple_

from engram.errors import UsageError
from engram.store import rows, tables
from engram.store.database import now
from engram.store.records.runs import get_run

MOST_POINTS = 5000
LAST_STEP = (1 << 63) - 1


@dataclass(frozen=True)
class Series:
    """One curve of a run. points: how many there are; first, last: its steps."""

    stage: str
    name: str
    points: int
    first: int
    last: int


@dataclass(frozen=True)
class Point:
    """One place of a curve, or neighbours joined: their mean, lowest and highest value, at the last one's step."""

    step: int
    value: float
    low: float
    high: float
    time: int


@dataclass(frozen=True)
class Extremes:
    """Where a curve stands: its last value, and its lowest one with the first step that had it."""

    last: float
    step: int
    lowest: float
    lowest_step: int


def extremes_of(tx: Connection, runs: Sequence[str], stage: str, name: str) -> dict[str, Extremes]:
    """Return where one curve of each run stands; a run that has no such curve is left out."""
    points = tables.points.c
    ours = (points.stage == stage, points.name == name)
    bounds = select(points.run, func.max(points.step).label("step"), func.min(points.value).label("lowest"))
    ends = bounds.where(points.run.in_(runs), *ours).group_by(points.run).subquery()
    here = points.run == ends.c.run, (points.step == ends.c.step) | (points.value == ends.c.lowest)
    query = select(points.run, points.step, points.value, ends.c.step, ends.c.lowest).where(*here, *ours)
    last: dict[str, tuple[float, int]] = {}
    lowest: dict[str, tuple[float, int]] = {}
    for run, step, value, final, least in tx.execute(query.order_by(points.run, points.step)):
        if step == final:
            last[run] = (value, step)
        if value == least:
            lowest.setdefault(run, (value, step))
    return {run: Extremes(*last[run], *lowest[run]) for run in last}


def report_points(tx: Connection, run: str, attempt: int, stage: str, step: int, values: Mapping[str, float]) -> None:
    """Store numbers that came in no event, a point each; said again, the later word counts.

    Raises UsageError for a number that is not finite.
    """
    points, time = tables.points, now(tx)
    if not all(math.isfinite(value) for value in values.values()):
        raise UsageError("A point of a chart is a finite number.", remedy="Leave the others out.")
    statement = rows.upsert(tx, points)
    said = {name: statement.excluded[name] for name in ("value", "time", "attempt", "seq")}
    statement = statement.on_conflict_do_update(index_elements=["run", "stage", "name", "step"], set_=said)
    place = {"run": run, "stage": stage, "step": step, "time": time, "attempt": attempt, "seq": -1}
    tx.execute(statement, [{**place, "name": name, "value": float(value)} for name, value in values.items()])


def is_reported(tx: Connection, run: str, attempt: int, stage: str) -> bool:
    """Tell whether an attempt has reported any number of a stage."""
    points = tables.points.c
    here = (points.run == run, points.attempt == attempt, points.stage == stage)
    return tx.execute(select(points.run).where(*here).limit(1)).one_or_none() is not None


def list_series(
    tx: Connection, run: str, visible_to: str | None = None, *, stage: str | None = None, name: str | None = None
) -> tuple[Series, ...]:
    """Return the curves of a run by stage and name, of one stage or one name only where it is said; raises NotFound."""
    get_run(tx, run, visible_to)
    points = tables.points.c
    wanted = [one for one in _curves(tx, run) if stage in (None, one[0]) and name in (None, one[1])]
    numbers = select(func.count(), func.min(points.step), func.max(points.step))
    found = []
    for of, called in wanted:
        here = (points.run == run, points.stage == of, points.name == called)
        found.append(Series(of, called, *tx.execute(numbers.where(*here)).one()))
    return tuple(found)


def _curves(tx: Connection, run: str) -> Iterator[tuple[str, str]]:
    """Yield stage and name of each curve, one look into the index for each: not all points are passed to find them."""
    points = tables.points.c
    query = select(points.stage, points.name).where(points.run == run).order_by(points.stage, points.name).limit(1)
    row = tx.execute(query).one_or_none()
    while row is not None:
        yield row.stage, row.name
        # With the last step that there can be, the index leads behind the curve; else all its points would be passed.
        behind = tuple_(points.stage, points.name, points.step) > tuple_(row.stage, row.name, LAST_STEP)
        row = tx.execute(query.where(behind)).one_or_none()


def read_points(
    tx: Connection, run: str, stage: str, name: str, *, most: int = 1000, visible_to: str | None = None
) -> tuple[Point, ...]:
    """Return a curve in at most ``most`` points; where neighbours are joined, their extremes stay visible.

    Raises NotFound for an unknown run, UsageError for a number of points outside 1 to 5000. An unknown curve is empty.
    """
    if not 1 <= most <= MOST_POINTS:
        raise UsageError(f"A chart has 1 to {MOST_POINTS} points, not {most}.")
    get_run(tx, run, visible_to)
    points = tables.points.c
    here = (points.run == run, points.stage == stage, points.name == name)
    count, first, last = tx.execute(
        select(func.count(), func.min(points.step), func.max(points.step)).where(*here)
    ).one()
    if not count:
        return ()
    width = 1 if count <= most else -(-(last - first + 1) // most)
    bucket = (points.step - first) // width
    joined = func.avg(points.value), func.min(points.value), func.max(points.value), func.max(points.time)
    query = select(func.max(points.step), *joined).where(*here).group_by(bucket).order_by(bucket)
    return tuple(Point(*row) for row in tx.execute(query))
