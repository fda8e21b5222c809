"""What a deployment answers: the one way from a request to the core, whatever shape the request came in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engram.server.access import Caller
from engram.server.platform import Platform
from engram.store.records.deployments import Deployment


@dataclass(frozen=True)
class Answers:
    """The answers of one request. artifact: the digest of what answers; answers: in the order of the inputs."""

    artifact: str
    answers: Iterator[Any]


def answer(here: Platform, who: Caller, found: Deployment, inputs: Sequence[Any]) -> Answers:
    """Answer inputs with what is deployed; the caller has been let in already.

    Raises what the core tells: NotFound, Refused, UsageError for an input that the model can't take, ServerAway.
    """
    told = here.core.predict(found.artifact, [json.dumps(one) for one in inputs])
    return Answers(found.artifact, (json.loads(one) for one in told))
