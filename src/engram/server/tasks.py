"""What an artifact does: the card of its task. It is known by the artifact's row, which says it once and for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engram import registry
from engram.schema.card import FileIn, FileOut, KindCard, TaskCard
from engram.server.platform import Platform
from engram.store.records import artifacts

FILE = "file"


def kind_and_task(here: Platform, artifact: str) -> tuple[str, str]:
    """Return the kind and the task of an artifact; an artifact never changes them, so it is asked once."""
    known = here.tasks.get(artifact)
    if known is None:
        with here.db.read() as tx:
            found = artifacts.get_artifact(tx, artifact)
        known = here.tasks[artifact] = (found.kind, found.task)
    return known


def task_of(here: Platform, artifact: str) -> TaskCard:
    """Return the card of what an artifact does; raises NotFound for one that there never was."""
    kind, task = kind_and_task(here, artifact)
    card: KindCard = registry.get("kind", kind)
    return card.tasks[task]


def asked_texts(task: TaskCard, inputs: Sequence[Any]) -> Sequence[Any]:
    """Return the inputs in which a content filter finds what people wrote; a file in base64 is not such."""
    return () if isinstance(task.predict_in, FileIn) else inputs


def said_texts(task: TaskCard, answers: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each answer with that part of it in which a content filter finds what a model said."""
    for one in answers:
        gives_file = isinstance(task.predict_out, FileOut) and isinstance(one, Mapping)
        yield one, ({key: value for key, value in one.items() if key != FILE} if gives_file else one)
