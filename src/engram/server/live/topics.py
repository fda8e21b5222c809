"""The topics of `/ws`: which operation lets one in, which tables it follows, and how it is read from a number on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import Connection

from engram.errors import EngramError, NotFound
from engram.schema.codec import to_dict
from engram.schema.state import flag
from engram.server.access import Caller, Owned
from engram.server.changing import shown as shown_deployment
from engram.server.live import messages
from engram.server.live.messages import Progress, written
from engram.server.platform import Platform
from engram.server.routes import runs as run_routes
from engram.server.state_meters import size_of
from engram.store import tables
from engram.store.records import deployments, events, evidence, runs
from engram.store.records.runs import Run
from engram.store.rows import count

AT_WORK = frozenset({"running", "cancelling", "lost_contact", "paused"})
NEWS_OF_PROGRESS = ("progress", "metric")
MICROS = 1_000_000


@dataclass(frozen=True)
class Row:
    """One thing to tell. key: what a later row under it replaces; about: whose it is, None for what all may see."""

    seq: int
    key: str
    text: str
    about: Owned | None = None


@dataclass(frozen=True)
class Reading:
    """One consistent look at what is stored, for one or more topics."""

    tx: Connection
    here: Platform


@dataclass(frozen=True)
class Topic:
    """One sort of topic. noun: what its argument names; empty for a topic without one.

    newest: the number at which a topic stands. pull: what lies behind a number, in order; None when that is too much.
    find: the object that decides who may hear; None for a topic whose rows decide one by one, as those of a list.
    whole: True when the newest row says everything, so that one who comes first gets it.
    """

    head: str
    operation: str
    tables: frozenset[str]
    newest: Callable[[Reading, str], int]
    pull: Callable[[Reading, str, int, int], list[Row] | None]
    find: Callable[[Reading, str], Owned | None] | None = None
    noun: str = ""
    whole: bool = False

    def name(self, argument: str) -> str:
        """Return the name under which clients know the topic."""
        return f"{self.head}/{argument}" if self.noun else self.head


def topic_of(name: str) -> tuple[Topic, str]:
    """Return the topic that a client names, and its argument; raises NotFound."""
    head, _, argument = name.partition("/")
    found = BY_HEAD.get(head)
    if found is None or bool(argument) != bool(found.noun):
        raise NotFound(f"There is no topic {name}.", remedy=f"Topics: {', '.join(known())}.")
    return found, argument


def known() -> list[str]:
    """Return the topics as people write them."""
    return [one.name(f"<{one.noun}>") for one in TOPICS]


def allow(topic: Topic, argument: str, found: Owned | None, who: Caller) -> None:
    """Let a caller hear a topic; raises NotFound, as if there were none, for an object that is not hers to see."""
    who = who.to(topic.operation)
    if topic.noun:
        who.touch(found, f"{topic.noun} {argument}")
    else:
        who.require(topic.head, None)


def sees(row: Row, who: Caller) -> bool:
    """Tell whether a row of a list is shown to a caller: by the same decision as the object itself."""
    if row.about is None:
        return True
    try:
        who.to("ws.run").touch(row.about, "run")
    except EngramError:
        return False
    return True


def run_row(reading: Reading, run: Run) -> Row:
    """Return what `runs` tells of a run."""
    said = messages.RunChanged(
        seq=run.change,
        id=run.id,
        recipe=run.recipe,
        state=run.state,
        flag=flag(run.state),
        stage=run.stage,
        progress=_progress(reading, run) if run.state in AT_WORK else None,
        version=run.version,
        deleted=run.deleted is not None,
    )
    return Row(run.change, run.id, written(said), run)


def _progress(reading: Reading, run: Run) -> Progress | None:
    last = events.last_of(reading.tx, run.id, NEWS_OF_PROGRESS)
    body: Any = last.event.body if last else {}
    done, total = body.get("done", body.get("step")), body.get("total")
    if not isinstance(done, int) or not isinstance(total, int):
        return None
    return Progress(done=done, total=total, what=str(body.get("what", "steps"))[:80])


def _last_change(reading: Reading, _: str) -> int:
    return runs.last_change(reading.tx)


def _runs(reading: Reading, _: str, after: int, most: int) -> list[Row] | None:
    changed = runs.changed_runs(reading.tx, after, most + 1)
    return None if len(changed) > most else [run_row(reading, run) for run in changed]


def _reviews(reading: Reading, _: str, after: int, most: int) -> list[Row] | None:
    changed = runs.changed_runs(reading.tx, after, most + 1)
    if len(changed) > most:
        return None
    found = []
    for run in changed:
        verdicts = evidence.verdicts_of(reading.tx, run.id)
        stages = [stage for stage, one in verdicts.items() if one.decision == "review"]
        if stages:
            waiting = run.state == "awaiting_review"
            said = messages.ReviewChanged(
                seq=run.change, run=run.id, recipe=run.recipe, state=run.state, waiting=waiting, stages=stages
            )
            found.append(Row(run.change, run.id, written(said), run))
    return found


def _run(reading: Reading, run: str) -> Run | None:
    return runs.maybe_run(reading.tx, run)


def _version(reading: Reading, run: str) -> int:
    found = _run(reading, run)
    return found.version if found else 0


def _record(reading: Reading, run: str, after: int, most: int) -> list[Row]:
    found = _run(reading, run)
    if found is None or found.version <= after:
        return []
    said = messages.RunRecord(topic=f"run/{run}", seq=found.version, run=run_routes.shown(found))
    return [Row(found.version, "", written(said))]


def _newest_event(reading: Reading, _: str) -> int:
    return events.newest(reading.tx)


def _events(reading: Reading, run: str, after: int, most: int) -> list[Row] | None:
    found = events.replay(reading.tx, after, run=run, limit=most + 1)
    if len(found) > most:
        return None
    said = [messages.EventTold(topic=f"events/{run}", seq=one.id, event=to_dict(one.event)) for one in found]
    return [Row(one.seq, str(one.seq), written(one)) for one in said]


def _deployment(reading: Reading, name: str) -> deployments.Deployment | None:
    return deployments.find_deployment(reading.tx, name)


def _deployment_version(reading: Reading, name: str) -> int:
    found = _deployment(reading, name)
    return found.version if found else 0


def _deployed(reading: Reading, name: str, after: int, most: int) -> list[Row]:
    found = _deployment(reading, name)
    if found is None or found.version <= after:
        return []
    said = shown_deployment(found)
    message = messages.DeploymentChanged(topic=f"deployment/{name}", seq=found.version, deployment=said)
    return [Row(found.version, "", written(message))]


def _ledger_size(reading: Reading, _: str) -> int:
    return size_of(reading.here.ledger.checkpoint)


def _checkpoint(reading: Reading, _: str, after: int, most: int) -> list[Row]:
    note = reading.here.ledger.checkpoint
    if size_of(note) <= after:
        return []
    return [Row(size_of(note), "", written(messages.LedgerGrown(seq=size_of(note), checkpoint=note.decode())))]


def _now(reading: Reading, _: str) -> int:
    return int(reading.here.clock() * MICROS)


def _system(reading: Reading, _: str, after: int, most: int) -> list[Row]:
    try:
        status = reading.here.core.status()
        slots, taken = status.slots, len(status.living)
    except EngramError:
        slots = taken = None
    said = messages.SystemSample(
        seq=_now(reading, ""),
        cpu=psutil.cpu_percent() / 100,
        memory=psutil.virtual_memory().percent / 100,
        disk=psutil.disk_usage(str(reading.here.home)).percent / 100,
        queue=count(reading.tx, tables.runs, tables.runs.c.state == "queued"),
        slots=slots,
        taken=taken,
    )
    return [Row(said.seq, "", written(said))]


TOPICS: tuple[Topic, ...] = (
    Topic("runs", "ws.runs", frozenset({"runs"}), _last_change, _runs),
    Topic("run", "ws.run", frozenset({"runs"}), _version, _record, _run, "run", whole=True),
    Topic("events", "ws.events", frozenset({"events", "runs"}), _newest_event, _events, _run, "run"),
    Topic(
        "deployment",
        "ws.deployment",
        frozenset({"deployments"}),
        _deployment_version,
        _deployed,
        _deployment,
        "deployment",
        whole=True,
    ),
    Topic("reviews", "ws.reviews", frozenset({"runs"}), _last_change, _reviews),
    Topic("ledger", "ws.ledger", frozenset({"ledger"}), _ledger_size, _checkpoint, whole=True),
    Topic("system", "ws.system", frozenset({"clock"}), _now, _system, whole=True),
)
BY_HEAD = {one.head: one for one in TOPICS}


def operations(topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Return the operations of topics, each of which needs a row of the policy."""
    return [one.operation for one in topics]
