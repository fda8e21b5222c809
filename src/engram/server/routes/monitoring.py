"""What is watched: the curves of a run, and the figures of the house for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from engram.server.access import Here, Who
from engram.server.changing import find as find_deployment
from engram.server.route import Router
from engram.server.routes.runs import find
from engram.store.records import points
from engram.store.records.points import MOST_POINTS, Series
from engram.store.times import from_micros

router = Router(tags=["metrics"])
USUAL_POINTS, MOST_SERIES, MOST_IN_ALL = 500, 50, 20_000


class PointOut(BaseModel):
    """One place of a curve: its step, or of joined neighbours the last one's; their mean, lowest and highest value."""

    step: int
    mean: float
    min: float
    max: float
    time: str


class SeriesOut(BaseModel):
    """One curve of a run."""

    stage: str
    name: str
    count: int = Field(description="How many points were stored.")
    first: int = Field(description="The step of the first one.")
    last: int = Field(description="The step of the last one.")
    joined: bool = Field(description="Whether neighbours are joined, because there are more than were asked for.")
    points: list[PointOut]


class Curves(BaseModel):
    """The curves of a run; `more` says that it has others beside the fifty that are told."""

    run: str
    series: list[SeriesOut]
    more: bool


@router.get("/api/v1/runs/{run}/metrics", operation_id="metrics.read")
def curves(
    run: str,
    who: Who,
    here: Here,
    name: Annotated[str | None, Query(max_length=200)] = None,
    stage: Annotated[str | None, Query(max_length=40)] = None,
    max_points: Annotated[int, Query(ge=1, le=MOST_POINTS)] = USUAL_POINTS,
) -> Curves:
    """Return the curves of a run, each in at most `max_points` points, fewer where there are many curves."""
    find(here, who, run)
    with here.db.read() as tx:
        known = points.list_series(tx, run, stage=stage, name=name)
        told = known[:MOST_SERIES]
        most = max(1, min(max_points, MOST_IN_ALL // max(1, len(told))))
        found = [(one, points.read_points(tx, run, one.stage, one.name, most=most)) for one in told]
    return Curves(run=run, series=[_shown(one, of) for one, of in found], more=len(known) > len(told))


class TrafficOut(BaseModel):
    """What was asked of a deployment since the server started; seconds are of whole requests."""

    requests: int
    inputs: int
    errors: int
    mean: float | None = Field(description="Seconds of a request.")
    median: float | None = Field(description="Half of the requests took at most so many seconds.")
    most: float | None = Field(description="Of 100 requests, 95 took at most so many seconds.")


@router.get("/api/v1/deployments/{name}/traffic", operation_id="deployments.traffic")
def traffic(name: str, who: Who, here: Here) -> TrafficOut:
    """Return what was asked of a deployment since the server started, and how long it took."""
    found = here.meters.traffic(find_deployment(here, who, name).name)
    mean = found.seconds / found.requests if found.requests else None
    return TrafficOut(
        requests=found.requests,
        inputs=found.inputs,
        errors=found.errors,
        mean=mean,
        median=found.median,
        most=found.most,
    )


@router.get("/metrics", operation_id="metrics.prometheus", response_class=Response)
def prometheus(who: Who, here: Here) -> Response:
    """Return the figures of the house in the text format of Prometheus; for Admins, or a key with this scope."""
    return Response(generate_latest(here.meters.registry), media_type=CONTENT_TYPE_LATEST)


def _shown(one: Series, found: tuple[points.Point, ...]) -> SeriesOut:
    places = [
        PointOut(step=each.step, mean=each.value, min=each.low, max=each.high, time=from_micros(each.time))
        for each in found
    ]
    return SeriesOut(
        stage=one.stage,
        name=one.name,
        count=one.points,
        first=one.first,
        last=one.last,
        joined=len(places) < one.points,
        points=places,
    )
