"""The messages of `/ws`, both ways. A frame of the server is ``{"messages": [...]}``; one of a client is one message.

`seq` grows within a topic, and a client that comes back names the largest that it has seen.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import models_json_schema

from engram.server.shapes.deployments import DeploymentOut
from engram.server.shapes.runs import RunOut

TOPIC = Field(max_length=120, description="runs, run/<id>, events/<run>, deployment/<name>, reviews, ledger or system.")


class Strict(BaseModel):
    """A message of a client, in which nothing is ignored."""

    model_config = ConfigDict(extra="forbid")


class Subscribe(Strict):
    """Ask for a topic. since_seq: the largest `seq` that was seen; None begins with what comes next."""

    type: Literal["subscribe"]
    topic: str = TOPIC
    since_seq: int | None = Field(default=None, ge=0, lt=1 << 63)


class Unsubscribe(Strict):
    """End a topic."""

    type: Literal["unsubscribe"]
    topic: str = TOPIC


Asked = Annotated[Subscribe | Unsubscribe, Field(discriminator="type")]
ASKED: TypeAdapter[Subscribe | Unsubscribe] = TypeAdapter(Asked)


class Subscribed(BaseModel):
    """The topic was let in; what was missed follows, then what happens."""

    type: Literal["subscribed"] = "subscribed"
    topic: str
    seq: int = Field(description="Where the topic stood when it was let in.")


class Unsubscribed(BaseModel):
    """The topic has ended, because it was asked or because it may no longer be seen."""

    type: Literal["unsubscribed"] = "unsubscribed"
    topic: str


class Resync(BaseModel):
    """Too much was missed: read the topic again by REST; what follows here lies behind `seq`."""

    type: Literal["resync"] = "resync"
    topic: str
    seq: int


class Refusal(BaseModel):
    """A topic was refused, in the words of a problem document."""

    type: Literal["error"] = "error"
    topic: str
    error: str
    detail: str
    remedy: str = ""


class Progress(BaseModel):
    """How far the present work of a run is; total is 0 while nobody knows it."""

    done: int
    total: int
    what: str


class RunChanged(BaseModel):
    """`runs`: where a run stands; told again, under the same `seq`, when its progress changes.

    deleted: true when it is there no more.
    """

    type: Literal["run"] = "run"
    topic: Literal["runs"] = "runs"
    seq: int
    id: str
    recipe: str
    state: str
    flag: str
    stage: str
    progress: Progress | None
    version: int
    deleted: bool = False


class RunRecord(BaseModel):
    """`run/<id>`: a run as REST shows it; `seq` is its version."""

    type: Literal["record"] = "record"
    topic: str
    seq: int
    run: RunOut


class EventTold(BaseModel):
    """`events/<run>`: one event of a run's journal; `seq` is its cursor."""

    type: Literal["event"] = "event"
    topic: str
    seq: int
    event: dict[str, Any]


class DeploymentChanged(BaseModel):
    """`deployment/<name>`: a deployment as REST shows it; `seq` is its version."""

    type: Literal["deployment"] = "deployment"
    topic: str
    seq: int
    deployment: DeploymentOut


class ReviewChanged(BaseModel):
    """`reviews`: a run whose gate asked for a person; `waiting` while it still does."""

    type: Literal["review"] = "review"
    topic: Literal["reviews"] = "reviews"
    seq: int
    run: str
    recipe: str
    state: str
    waiting: bool
    stages: list[str]


class LedgerGrown(BaseModel):
    """`ledger`: the number of entries, which is also `seq`, and the signed checkpoint over them."""

    type: Literal["ledger"] = "ledger"
    topic: Literal["ledger"] = "ledger"
    seq: int
    checkpoint: str


class SystemSample(BaseModel):
    """`system`: the machine now.

    cpu, memory, disk: used parts from 0 to 1; queue: runs that wait; slots, taken: None while there is no core.
    """

    type: Literal["system"] = "system"
    topic: Literal["system"] = "system"
    seq: int
    cpu: float
    memory: float
    disk: float
    queue: int
    slots: int | None
    taken: int | None


Told = (
    Subscribed
    | Unsubscribed
    | Resync
    | Refusal
    | RunChanged
    | RunRecord
    | EventTold
    | DeploymentChanged
    | ReviewChanged
    | LedgerGrown
    | SystemSample
)


class Frame(BaseModel):
    """What the server sends: messages in their order."""

    messages: list[Told]


def written(message: BaseModel) -> str:
    """Return a message as JSON in ASCII, so that its characters are its bytes."""
    return json.dumps(message.model_dump(mode="json"), separators=(",", ":"))


def schemas() -> dict[str, Any]:
    """Return the messages as components of an OpenAPI document, by name."""
    wanted: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        (Subscribe, "validation"),
        (Unsubscribe, "validation"),
        (Frame, "serialization"),
    ]
    _, whole = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = whole["$defs"]
    return found
