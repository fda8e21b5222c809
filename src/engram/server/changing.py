"""Changes of deployments: each under the version that was read, and in the ledger before it has any effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from engram.proc import crashpoint
from engram.server.access import Caller
from engram.server.platform import Platform
from engram.server.shapes.deployments import ChangeOut, DeploymentOut
from engram.server.versions import tag
from engram.store.records import deployments
from engram.store.records.deployments import Change, Deployment
from engram.store.times import from_micros


class Version(BaseModel):
    """version: the one that was read, so that two changes can't cross. reason: kept in the history."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, lt=1 << 63)
    reason: str = Field(default="", max_length=1000)


def find(here: Platform, who: Caller, name: str) -> Deployment:
    """Return a deployment that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = deployments.find_deployment(tx, name)
    return who.touch(found, f"deployment {name}")


def enter(
    here: Platform,
    who: Caller,
    found: Deployment,
    response: Response,
    version: int | None,
    reason: str,
    *,
    evidence: Mapping[str, str] | None = None,
    **changes: Any,
) -> DeploymentOut:
    """Make a change and its ledger entry, and return the deployment as it is then.

    version: the one that was read. evidence: digests for the ledger.

    Raises Changed when somebody else was first.
    """
    user = who.principal.user
    with here.writing, here.db.write() as tx:
        made = deployments.change_deployment(tx, found.id, actor=user, reason=reason, version=version, **changes)
        out = entered(here, made, user, evidence or {})
    tag(response, out.version)
    return out


def entered(here: Platform, made: Deployment, actor: str, evidence: Mapping[str, str]) -> DeploymentOut:
    """Enter a change in the ledger; the caller holds its turn, and a change that fails leaves no row."""
    canary = made.options.get("canary")
    body = {"artifact": made.artifact, "version": made.version, "state": made.state, **evidence}
    if canary:
        body["canary"] = {"artifact": canary["artifact"], "share": canary["share"]}
    here.ledger.append("deployment.changed", made.id, body, actor)
    crashpoint("server.before-deployed")
    return shown(made)


def shown(one: Deployment) -> DeploymentOut:
    """Return a deployment as the API shows it."""
    said = {name: getattr(one, name) for name in ("id", "name", "owner", "artifact", "state", "shared", "version")}
    times = {"created": from_micros(one.created), "updated": from_micros(one.updated)}
    return DeploymentOut.model_validate({**said, **times, "canary": one.options.get("canary")})


def shown_change(one: Change) -> ChangeOut:
    """Return a line of a deployment's history as the API shows it."""
    said = {name: getattr(one, name) for name in ("number", "artifact", "state", "actor", "reason")}
    return ChangeOut.model_validate({**said, "created": from_micros(one.created), "canary": one.options.get("canary")})
