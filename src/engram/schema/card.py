"""The kind card: what the server, the CLI and forms know of a kind without loading its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engram.schema.criterion import Criterion


@dataclass(frozen=True)
class Kpi:
    """A metric that a kind is known by, and which way is better."""

    name: str
    better: Literal["max", "min"]
    primary: bool = False


@dataclass(frozen=True)
class TextIn:
    """Predictions take text."""

    example: str = ""


@dataclass(frozen=True)
class LabelOut:
    """Predictions give a label and the probability of each label."""


@dataclass(frozen=True)
class SpansOut:
    """Predictions give the words, a tag for each, and the spans that the tags mark, with their places and scores."""


@dataclass(frozen=True)
class TalkIn:
    """Predictions take a text, or a conversation as ``{"messages": [{"role", "content"}], "tools": []}``."""

    example: str = ""


@dataclass(frozen=True)
class TextOut:
    """Predictions give a text, why it ended (``stop`` or ``length``) and how many tokens were read and written."""


@dataclass(frozen=True)
class TaskCard:
    """One task of a kind: the forms of its rows, its measures, reference baseline, gates and exports."""

    title: str
    forms: tuple[str, ...]
    kpis: tuple[Kpi, ...]
    reference_baseline: str
    gates: Mapping[str, tuple[Criterion, ...]]
    exports: tuple[str, ...]
    predict_in: TextIn | TalkIn
    predict_out: LabelOut | SpansOut | TextOut


@dataclass(frozen=True)
class KindCard:
    """What a kind is. `code` names the module that holds what it does; `extra` the packages it needs.

    preload: modules that every child of a run needs and that take long to import.
    """

    name: str
    title: str
    default_model: str
    extra: str
    code: str
    tasks: Mapping[str, TaskCard]
    invariants: tuple[str, ...]
    preload: tuple[str, ...] = ()

    def primary(self, task: str) -> Kpi:
        """Return the one measure that decides which checkpoint and which model is better."""
        return next(kpi for kpi in self.tasks[task].kpis if kpi.primary)
