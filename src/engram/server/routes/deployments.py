"""Deployments: names under which artifacts answer. Each change is in the ledger and can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from engram.errors import Refused
from engram.proc import crashpoint
from engram.schema.options import Options
from engram.server.access import Here, Who
from engram.server.answering import answer, write
from engram.server.once import Key, once
from engram.server.routes.artifacts import find as find_artifact
from engram.server.streaming import begun, lines
from engram.store.pages import USUAL, Ask
from engram.store.records import deployments
from engram.store.records.deployments import Deployment
from engram.store.times import from_micros

router = APIRouter(prefix="/api/v1/deployments", tags=["deployments"])
NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST_INPUTS, MOST_STOPS = 256, 8


class NewDeployment(BaseModel):
    """A name for an artifact."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    artifact: str = Field(max_length=80)


class Promotion(BaseModel):
    """Another artifact for a name. version: the one that was read, so that two changes can't cross."""

    model_config = ConfigDict(extra="forbid")

    artifact: str = Field(max_length=80)
    version: int
    reason: str = Field(default="", max_length=1000)


class Rollback(BaseModel):
    """Back to the artifact that answered before."""

    model_config = ConfigDict(extra="forbid")

    version: int
    reason: str = Field(default="", max_length=1000)


class Inputs(BaseModel):
    """What to answer, as the task's card says."""

    model_config = ConfigDict(extra="forbid")

    inputs: list[Any] = Field(min_length=1, max_length=MOST_INPUTS)
    max_input_tokens: int | None = Field(default=None, ge=1, lt=2**31, description="Longer inputs are refused.")
    max_new_tokens: int | None = Field(default=None, ge=1, lt=2**31, description="Of tasks that write.")
    stop: list[str] = Field(default_factory=list, max_length=MOST_STOPS, description="Texts before which it ends.")

    @property
    def options(self) -> Options:
        """What is asked beside the inputs."""
        return Options(self.max_input_tokens, self.max_new_tokens, tuple(self.stop))


@router.post("", operation_id="deployments.create", status_code=201)
def create(asked: NewDeployment, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Let an artifact answer under a new name."""
    artifact = find_artifact(here, who.to("artifacts.read"), asked.artifact)
    user = who.principal.user
    list(here.core.predict(artifact.digest, []))  # it is opened before anybody is sent to it
    with here.writing, here.db.write() as tx:
        made: dict[str, Any] = once(
            tx,
            who,
            key,
            asked,
            lambda: _entered(
                here,
                user,
                deployments.create_deployment(tx, name=asked.name, owner=user, artifact=artifact.digest, actor=user),
            ),
        )
    return made


@router.get("", operation_id="deployments.list")
def listed(who: Who, here: Here, after: str | None = None, limit: int = USUAL) -> dict[str, Any]:
    """List deployments, newest first."""
    with here.db.read() as tx:
        page = deployments.list_deployments(tx, Ask(who.visible_to, after, limit))
    return {"items": [shown(one) for one in page.items], "next": page.next}


@router.get("/{name}", operation_id="deployments.read")
def read(name: str, who: Who, here: Here) -> dict[str, Any]:
    """Return a deployment and its history."""
    found = find(here, who, name)
    with here.db.read() as tx:
        lines = deployments.history(tx, found.id)
    return {**shown(found), "history": [{**asdict(one), "created": from_micros(one.created)} for one in lines]}


@router.post("/{name}/promote", operation_id="deployments.promote")
def promote(name: str, asked: Promotion, who: Who, here: Here) -> dict[str, Any]:
    """Let another artifact answer under a name; it is opened before anybody is sent to it."""
    found, user = find(here, who, name), who.principal.user
    artifact = find_artifact(here, who.to("artifacts.read"), asked.artifact)
    list(here.core.predict(artifact.digest, []))
    return _enter(
        here,
        user,
        lambda tx: deployments.change_deployment(
            tx, found.id, actor=user, artifact=artifact.digest, version=asked.version, reason=asked.reason
        ),
    )


@router.post("/{name}/rollback", operation_id="deployments.rollback")
def rollback(name: str, asked: Rollback, who: Who, here: Here) -> dict[str, Any]:
    """Let the artifact answer that answered before the present one."""
    found, user = find(here, who, name), who.principal.user
    with here.db.read() as tx:
        before = [one.artifact for one in deployments.history(tx, found.id) if one.artifact != found.artifact]
    if not before:
        raise Refused(f"No other artifact has answered as {name}.", remedy="Promote one.")
    return _enter(
        here,
        user,
        lambda tx: deployments.change_deployment(
            tx, found.id, actor=user, artifact=before[-1], version=asked.version, reason=asked.reason or "rollback"
        ),
    )


@router.post("/{name}/predict", operation_id="deployments.predict")
def predict(name: str, asked: Inputs, who: Who, here: Here) -> dict[str, Any]:
    """Answer inputs with the artifact of a name."""
    found = answer(here, who, find(here, who, name), asked.inputs, asked.options)
    return {"artifact": found.artifact, "answers": list(found.answers)}


@router.post("/{name}/stream", operation_id="deployments.stream")
def stream(name: str, asked: Inputs, who: Who, here: Here) -> StreamingResponse:
    """Answer inputs one after the other, a JSON document a line: pieces of text as they are written, then each answer.

    A line has ``input`` (from 0) and ``piece``, ``answer`` or, where it went wrong after the first line, ``error``.
    """
    found = find(here, who, name)

    def said() -> Iterator[dict[str, Any]]:
        for number, one in enumerate(asked.inputs):
            for piece in write(here, who, found, one, asked.options).said:
                yield {"input": number, "piece" if isinstance(piece, str) else "answer": piece}

    return StreamingResponse(lines(begun(said())), media_type="application/x-ndjson")


def find(here: Here, who: Who, name: str) -> Deployment:
    """Return a deployment that the caller may touch; raises NotFound as if there were none otherwise."""
    with here.db.read() as tx:
        found = deployments.find_deployment(tx, name)
    return who.touch(found, f"deployment {name}")


def shown(one: Deployment) -> dict[str, Any]:
    """Return a deployment as the API shows it."""
    return {**asdict(one), "created": from_micros(one.created), "updated": from_micros(one.updated)}


def _enter(here: Here, actor: str, change: Callable[[Any], Deployment]) -> dict[str, Any]:
    """Make a change and its ledger entry; the ledger comes first, and a change that fails leaves no row."""
    with here.writing, here.db.write() as tx:
        return _entered(here, actor, change(tx))


def _entered(here: Here, actor: str, made: Deployment) -> dict[str, Any]:
    body = {"artifact": made.artifact, "version": made.version}
    if not any(entry.body == body for entry in here.ledger.find("deployment.changed", made.id)):
        here.ledger.append("deployment.changed", made.id, body, actor)
    crashpoint("server.before-deployed")
    return shown(made)
