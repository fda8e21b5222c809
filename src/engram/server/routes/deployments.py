"""Deployments: names under which artifacts answer. Each change is in the ledger and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import Body, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from engram.data.attached import to_url
from engram.errors import Refused, UsageError
from engram.schema.card import FileIn
from engram.schema.options import Options
from engram.server.access import Here, Who
from engram.server.admission import Mode, admit
from engram.server.answering import answer, write
from engram.server.changing import Version, enter, entered, find, shown, shown_change
from engram.server.once import Key, answered, once
from engram.server.route import Router
from engram.server.shapes.deployments import DeploymentDetail, DeploymentList, DeploymentOut, Prediction
from engram.server.streaming import begun, lines
from engram.server.tasks import kind_and_task, task_of
from engram.server.versions import IfMatch, tag, version_of
from engram.store.pages import USUAL
from engram.store.records import deployments

router = Router(prefix="/api/v1/deployments", tags=["deployments"])
NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST_INPUTS, MOST_STOPS = 256, 8
Simulate = Annotated[
    Mode, Query(description="`advisory` deploys also what does not bear its load test; only Admins may ask for it.")
]


CanaryKey = Annotated[
    str,
    Header(
        alias="X-Engram-Canary-Key",
        max_length=200,
        description="Where a canary answers a share: requests with the same key are answered by the same artifact.",
    ),
]


class NewDeployment(BaseModel):
    """A name for an artifact."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    artifact: str = Field(max_length=80)


class Promotion(Version):
    """Another artifact for a name."""

    artifact: str = Field(max_length=80)


class Sharing(BaseModel):
    """Whether everybody here may use it."""

    model_config = ConfigDict(extra="forbid")

    shared: bool


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
def create(
    asked: NewDeployment, who: Who, here: Here, response: Response, key: Key = None, simulate: Simulate = "enforced"
) -> DeploymentOut:
    """Let an artifact answer under a new name, once it has borne the load that its recipe says."""
    said = {**asked.model_dump(), "simulate": simulate}
    with here.db.read() as tx:
        made = answered(tx, who, key, said)
    if made is None:
        user, admitted = who.principal.user, admit(here, who, asked.artifact, simulate)

        def make() -> DeploymentOut:
            one = deployments.create_deployment(
                tx, name=asked.name, owner=user, artifact=admitted.artifact.digest, actor=user
            )
            return entered(here, one, user, admitted.evidence)

        with here.writing, here.db.write() as tx:
            made = once(tx, who, key, said, make)
    out = DeploymentOut.model_validate(made)
    tag(response, out.version)
    return out


@router.get("", operation_id="deployments.list")
def listed(
    who: Who, here: Here, after: str | None = None, limit: int = USUAL, state: str | None = None
) -> DeploymentList:
    """List deployments, newest first."""
    with here.db.read() as tx:
        page = deployments.list_deployments(tx, who.asks(after, limit, equal={"state": state}))
    return DeploymentList(items=[shown(one) for one in page.items], next=page.next)


@router.get("/{name}", operation_id="deployments.read")
def read(name: str, who: Who, here: Here, response: Response) -> DeploymentDetail:
    """Return a deployment and its history."""
    found = find(here, who, name)
    with here.db.read() as tx:
        lines = deployments.history(tx, found.id)
    tag(response, found.version)
    kind, task = kind_and_task(here, found.artifact)
    history = [shown_change(one) for one in lines]
    return DeploymentDetail(**shown(found).model_dump(), kind=kind, task=task, history=history)


@router.post("/{name}/promote", operation_id="deployments.promote")
def promote(
    name: str, asked: Promotion, who: Who, here: Here, response: Response, simulate: Simulate = "enforced"
) -> DeploymentOut:
    """Let another artifact answer under a name, once it has borne its load; a canary ends with it."""
    found = find(here, who, name)
    admitted = admit(here, who, asked.artifact, simulate)
    what: dict[str, Any] = {"artifact": admitted.artifact.digest, "options": without_canary(found.options)}
    return enter(here, who, found, response, asked.version, asked.reason, evidence=admitted.evidence, **what)


@router.post("/{name}/rollback", operation_id="deployments.rollback")
def rollback(name: str, asked: Version, who: Who, here: Here, response: Response) -> DeploymentOut:
    """Let the artifact answer that answered before the present one; a canary ends with it."""
    found = find(here, who, name)
    with here.db.read() as tx:
        before = [one.artifact for one in deployments.history(tx, found.id) if one.artifact != found.artifact]
    if not before:
        raise Refused(f"No other artifact has answered as {name}.", remedy="Promote one.")
    what: dict[str, Any] = {"artifact": before[-1], "options": without_canary(found.options)}
    return enter(here, who, found, response, asked.version, asked.reason or "rollback", **what)


@router.post("/{name}/stop", operation_id="deployments.stop")
def stop(name: str, asked: Version, who: Who, here: Here, response: Response) -> DeploymentOut:
    """Answer nobody under a name until it is started again."""
    return enter(here, who, find(here, who, name), response, asked.version, asked.reason, state="stopped")


@router.post("/{name}/start", operation_id="deployments.start")
def start(name: str, asked: Version, who: Who, here: Here, response: Response) -> DeploymentOut:
    """Answer again under a name that was stopped; the model is opened before anybody is sent to it."""
    found = find(here, who, name)
    list(here.core.predict(found.artifact, []))
    return enter(here, who, found, response, asked.version, asked.reason, state="serving")


@router.put("/{name}/share", operation_id="deployments.share")
def share(
    name: str, asked: Sharing, who: Who, here: Here, response: Response, if_match: IfMatch = None
) -> DeploymentOut:
    """Let everybody here use a deployment, or nobody else any more."""
    reason = "shared" if asked.shared else "no longer shared"
    return enter(here, who, find(here, who, name), response, version_of(if_match), reason, shared=asked.shared)


@router.delete("/{name}", operation_id="deployments.delete", status_code=204)
def delete(name: str, who: Who, here: Here, if_match: IfMatch = None) -> None:
    """Delete a deployment with its history; the ledger keeps every change, and learns of this one."""
    found = find(here, who, name)
    with here.writing, here.db.write() as tx:
        deployments.delete_deployment(tx, found.id, version=version_of(if_match))
        body = {"artifact": found.artifact, "version": found.version + 1, "state": "deleted"}
        here.ledger.append("deployment.changed", found.id, body, who.principal.user)


@router.post("/{name}/predict", operation_id="deployments.predict")
def predict(
    name: str,
    asked: Inputs,
    who: Who,
    here: Here,
    canary_key: CanaryKey = "",
) -> Prediction:
    """Answer inputs with what is deployed under a name; the answer says which artifact that was."""
    found = answer(here, who, find(here, who, name), asked.inputs, asked.options, key=canary_key)
    return Prediction(artifact=found.artifact, answers=list(found.answers))


@router.post("/{name}/predict/file", operation_id="deployments.predict_file")
def predict_file(
    name: str,
    who: Who,
    here: Here,
    content: Annotated[
        bytes, Body(media_type="application/octet-stream", description="A file of at most 4 MiB, as it is.")
    ] = b"",
    canary_key: CanaryKey = "",
) -> Prediction:
    """Answer one file, sent as it is: a sound, an image; what it is, its bytes say. It is the same as its data: URL."""
    deployment = find(here, who, name)
    if not isinstance(task_of(here, deployment.artifact).predict_in, FileIn):
        raise UsageError(f"{name} answers no files.", remedy=f"Ask it at /api/v1/deployments/{name}/predict.")
    found = answer(here, who, deployment, [to_url(content)], key=canary_key)
    return Prediction(artifact=found.artifact, answers=list(found.answers))


@router.post("/{name}/stream", operation_id="deployments.stream")
def stream(name: str, asked: Inputs, who: Who, here: Here, canary_key: CanaryKey = "") -> StreamingResponse:
    """Answer inputs one after the other, a JSON document a line: pieces of text as they are written, then each answer.

    A line has ``input`` (from 0) and ``piece``, ``answer`` or, where it went wrong after the first line, ``error``.
    """
    found = find(here, who, name)

    def said() -> Iterator[dict[str, Any]]:
        for number, one in enumerate(asked.inputs):
            for piece in write(here, who, found, one, asked.options, key=canary_key).said:
                yield {"input": number, "piece" if isinstance(piece, str) else "answer": piece}

    return StreamingResponse(lines(begun(said())), media_type="application/x-ndjson")


def without_canary(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a deployment without its canary."""
    return {name: value for name, value in options.items() if name != "canary"}
