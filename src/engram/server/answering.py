"""What a deployment answers: the one way from a request to the core, whatever shape the request came in."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from engram.errors import PlatformError, Refused, UsageError
from engram.schema.card import FileOut
from engram.schema.options import NO_OPTIONS, Options
from engram.server.access import Caller
from engram.server.filter_settings import NAME as FILTERS
from engram.server.filter_settings import settings_in
from engram.server.filtering import Guard
from engram.server.platform import Platform
from engram.server.tasks import asked_texts, said_texts, task_of
from engram.store.records.deployments import Deployment
from engram.store.records.settings import Setting, get_settings

# Settings of the home that bound every request; a request may ask for less.
MOST_READ, MOST_WRITTEN = "predict.max_input_tokens", "predict.max_new_tokens"


T = TypeVar("T")


@dataclass(frozen=True)
class Answers:
    """The answers of one request. artifact: the digest of what answers; answers: in the order of the inputs."""

    artifact: str
    answers: Iterator[Any]


@dataclass(frozen=True)
class Writing:
    """One answer while it is written. artifact: what answers; said: pieces of text, at the end the answer itself."""

    artifact: str
    said: Iterator[str | dict[str, Any]]


def answer(
    here: Platform,
    who: Caller,
    found: Deployment,
    inputs: Sequence[Any],
    options: Options = NO_OPTIONS,
    *,
    key: str = "",
) -> Answers:
    """Answer inputs with what is deployed; the caller has been let in already.

    key: where a canary answers a share of the requests, those with the same key are answered by the same artifact.

    Raises what the core tells: NotFound, Refused, UsageError for an input that the model can't take or that is too
    long, ServerAway; Refused for a deployment that is stopped; and Blocked for a text that the content filters don't
    let through, also while the answers are taken.
    """
    _refuse_stopped(found)
    guard, options = _as_set(here, who, found, options)
    artifact = drawn(found, key, who.principal.user)
    task = task_of(here, artifact)
    guard.admit(asked_texts(task, inputs))
    told = here.core.predict(artifact, _documents(inputs), options)
    said = said_texts(task, _counted(here, found, len(inputs), map(json.loads, told)))
    return Answers(artifact, guard.let_out(said))


def write(
    here: Platform, who: Caller, found: Deployment, asked: Any, options: Options = NO_OPTIONS, *, key: str = ""
) -> Writing:
    """Answer one input, piece by piece where its task writes text; raises what `answer` raises, at the first piece."""
    _refuse_stopped(found)
    guard, options = _as_set(here, who, found, options)
    artifact = drawn(found, key, who.principal.user)
    task = task_of(here, artifact)
    guard.admit(asked_texts(task, [asked]))
    told = here.core.write(artifact, _documents([asked])[0], options)
    said = _counted(here, found, 1, (piece or json.loads(whole) for piece, whole in told))
    if isinstance(task.predict_out, FileOut):  # it comes whole, and no filter reads a file for a text
        return Writing(artifact, guard.let_out(said_texts(task, said)))
    return Writing(artifact, guard.pieces(said))


def _counted(here: Platform, found: Deployment, inputs: int, told: Iterator[T]) -> Iterator[T]:
    with here.meters.predicting(found.name, inputs):
        yield from told


def _documents(inputs: Sequence[Any]) -> list[str]:
    """Return inputs as JSON documents.

    Raises UsageError for half a surrogate pair, which is no text, and which no answer could repeat.
    """
    try:
        return [json.dumps(one, ensure_ascii=False).encode().decode() for one in inputs]
    except UnicodeEncodeError as error:
        raise UsageError(f"An input is no text: {error.reason}.", remedy="Remove half surrogate pairs.") from None


def _as_set(here: Platform, who: Caller, found: Deployment, options: Options) -> tuple[Guard, Options]:
    """Return the filters and bounds of the home as they are set now, all of one moment."""
    with here.db.read() as tx:
        rows = get_settings(tx, FILTERS, MOST_READ, MOST_WRITTEN)
    return Guard(here, who, found.name, settings_in(rows.get(FILTERS))), bounded(rows, options)


def bounded(rows: Mapping[str, Setting], options: Options) -> Options:
    """Return options that stay within the settings of the home.

    Raises PlatformError for a setting that is no number: a bound that can't be read binds.
    """
    limits = {}
    for name in (MOST_READ, MOST_WRITTEN):
        setting, own = rows.get(name), getattr(options, name.removeprefix("predict."))
        if setting is None or setting.value is None:
            limits[name] = own
        elif isinstance(setting.value, int) and setting.value >= 1:
            limits[name] = setting.value if own is None else min(own, setting.value)
        else:
            raise PlatformError(f"The setting {name} is no number from 1.", remedy="An Admin must set it again.")
    return replace(options, max_input_tokens=limits[MOST_READ], max_new_tokens=limits[MOST_WRITTEN])


def _refuse_stopped(found: Deployment) -> None:
    if found.state != "serving":
        raise Refused(f"The deployment {found.name} is {found.state}.", remedy="Ask its owner to start it.")


def artifacts_of(found: Deployment) -> tuple[str, ...]:
    """Return what answers under a name: the artifact, and the canary where there is one."""
    canary = found.options.get("canary")
    return (found.artifact, str(canary["artifact"])) if canary else (found.artifact,)


def drawn(found: Deployment, key: str = "", user: str = "") -> str:
    """Return the artifact that answers a request: the canary for its share of them, drawn by the hash of a key.

    Without a key the user is drawn, where the canary says so, or each request by itself. A larger share keeps whom the
    smaller one had.
    """
    canary = found.options.get("canary")
    if not canary:
        return found.artifact
    by = f"key {key}" if key else f"user {user}" if canary["by"] == "user" else secrets.token_hex(16)
    digest = hashlib.sha256(f"{found.id} {canary['artifact']} {by}".encode()).digest()
    draw = int.from_bytes(digest[:8], "big") / (1 << 64)
    return str(canary["artifact"]) if draw < canary["share"] else found.artifact
