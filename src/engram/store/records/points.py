"""Points of charts: the numbers that metric events carried, thinned out when they are read."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from engram.errors import UsageError
from engram.store import tables
from engram.store.records.runs import get_run

MOST_POINTS = 5000


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


def list_series(tx: Connection, run: str, visible_to: str | None = None) -> tuple[Series, ...]:
    """Return the curves of a run by stage and name; raises NotFound."""
    get_run(tx, run, visible_to)
    points = tables.points.c
    numbers = func.count(), func.min(points.step), func.max(points.step)
    query = select(points.stage, points.name, *numbers).where(points.run == run).group_by(points.stage, points.name)
    return tuple(Series(*row) for row in tx.execute(query.order_by(points.stage, points.name)))


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
