"""Deployments as the API shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class Canary(BaseModel):
    """Another artifact that answers a share of the requests.

    by: `request` draws each request by itself, `user` gives every user the same artifact again.
    """

    artifact: str
    share: float = Field(gt=0, lt=1)
    by: Literal["request", "user"] = "request"


class DeploymentOut(BaseModel):
    """A name and the artifact that answers under it."""

    id: str
    name: str
    owner: str
    artifact: str
    state: Literal["serving", "stopped"]
    canary: Canary | None
    shared: bool
    created: str
    updated: str
    version: int


class DeploymentList(BaseModel):
    """A page of deployments; `next` continues the list."""

    items: list[DeploymentOut]
    next: str | None


class ChangeOut(BaseModel):
    """One line of a deployment's history."""

    number: int
    artifact: str
    state: Literal["serving", "stopped"]
    canary: Canary | None
    actor: str
    reason: str
    created: str


class DeploymentDetail(DeploymentOut):
    """A deployment with its history, oldest first. kind, task: of the artifact; the kind's card says what it takes."""

    kind: str
    task: str
    history: list[ChangeOut]


class Prediction(BaseModel):
    """The answers in the order of the inputs, and the artifact that gave them."""

    artifact: str
    answers: list[Any]
