"""Canaries: another artifact answers a share of a deployment's requests, until it is promoted or taken back."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Response
from pydantic import Field

from engram.errors import Refused
from engram.server.access import Here, Who
from engram.server.admission import admit
from engram.server.changing import Version, enter, find
from engram.server.route import Router
from engram.server.routes.deployments import Simulate, without_canary
from engram.server.shapes.deployments import DeploymentOut
from engram.store.records.deployments import Deployment

router = Router(prefix="/api/v1/deployments/{name}/canary", tags=["deployments"])


class NewCanary(Version):
    """Which artifact, and which share of the requests it answers.

    by: `request` draws each request by itself, `user` gives every user the same artifact again.
    """

    artifact: str = Field(max_length=80)
    share: float = Field(gt=0, lt=1)
    by: Literal["request", "user"] = "request"


@router.put("", operation_id="deployments.canary")
def begin(
    name: str, asked: NewCanary, who: Who, here: Here, response: Response, simulate: Simulate = "enforced"
) -> DeploymentOut:
    """Let another artifact answer a share of the requests; the same one again with another share needs no load test."""
    found = find(here, who, name)
    if asked.artifact == found.artifact:
        raise Refused(f"{asked.artifact} answers as {name} already; a canary is another artifact.")
    present = found.options.get("canary") or {}
    evidence = {} if asked.artifact == present.get("artifact") else admit(here, who, asked.artifact, simulate).evidence
    canary = {"artifact": asked.artifact, "share": asked.share, "by": asked.by}
    options = {**found.options, "canary": canary}
    return enter(
        here, who, found, response, asked.version, asked.reason or "canary", evidence=evidence, options=options
    )


@router.post("/promote", operation_id="deployments.promote_canary")
def promote(name: str, asked: Version, who: Who, here: Here, response: Response) -> DeploymentOut:
    """Let the canary answer every request."""
    found = find(here, who, name)
    what: dict[str, Any] = {"artifact": _present(found)["artifact"], "options": without_canary(found.options)}
    return enter(here, who, found, response, asked.version, asked.reason or "canary promoted", **what)


@router.post("/end", operation_id="deployments.end_canary")
def end(name: str, asked: Version, who: Who, here: Here, response: Response) -> DeploymentOut:
    """Let the canary answer nobody any more."""
    found = find(here, who, name)
    _present(found)
    reason, options = asked.reason or "canary ended", without_canary(found.options)
    return enter(here, who, found, response, asked.version, reason, options=options)


def _present(found: Deployment) -> dict[str, str]:
    canary = found.options.get("canary")
    if not canary:
        raise Refused(f"The deployment {found.name} has no canary.")
    return dict(canary)
