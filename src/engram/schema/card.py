"""The kind card: what the server, the CLI and forms know of a kind without loading its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engram.schema.criterion import Criterion
from engram.schema.form import SEED, Medium


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
    takes: Literal["text"] = "text"


@dataclass(frozen=True)
class TalkIn:
    """Predictions take a text, or a conversation as ``{"messages": [{"role", "content"}], "tools": []}``."""

    example: str = ""
    takes: Literal["talk"] = "talk"


@dataclass(frozen=True)
class SpeechIn:
    """Predictions take a text to speak, or ``{"text", "voice"}``; without a voice the first one speaks."""

    example: str = ""
    takes: Literal["speech"] = "speech"


@dataclass(frozen=True)
class FileIn:
    """Predictions take a file as a ``data:`` URL in base64; what it is, its bytes say.

    medium: what such a file holds, by its name in `engram.schema.form.MEDIA`.
    """

    medium: Medium
    takes: Literal["file"] = "file"


@dataclass(frozen=True)
class NumbersIn:
    """Predictions take what is observed: a number, or a list of numbers, nested where it has several dimensions."""

    example: str = ""
    takes: Literal["numbers"] = "numbers"


@dataclass(frozen=True)
class LabelOut:
    """Predictions give a label and the probability of each label."""

    gives: Literal["label"] = "label"


@dataclass(frozen=True)
class SpansOut:
    """Predictions give the words, a tag for each, and the spans that the tags mark, with their places and scores."""

    gives: Literal["spans"] = "spans"


@dataclass(frozen=True)
class TextOut:
    """Predictions give a text, why it ended (``stop`` or ``length``) and how many tokens were read and written."""

    gives: Literal["text"] = "text"


@dataclass(frozen=True)
class TranscriptOut:
    """Predictions give the ``text`` of a recording, its ``seconds``, and ``segments``.

    A segment has ``start`` and ``end`` in seconds, and its ``text``; a model that tells the times of words gives
    ``words`` with the same of each ``word``.
    """

    gives: Literal["transcript"] = "transcript"


@dataclass(frozen=True)
class BoxesOut:
    """Predictions give ``boxes``, each with ``label``, ``score`` and ``box`` (left, top, width, height, in pixels)."""

    gives: Literal["boxes"] = "boxes"


@dataclass(frozen=True)
class VectorOut:
    """Predictions give a ``vector`` of numbers."""

    gives: Literal["vector"] = "vector"


@dataclass(frozen=True)
class FileOut:
    """Predictions give a ``file`` as a ``data:`` URL in base64."""

    medium: Medium
    gives: Literal["file"] = "file"


@dataclass(frozen=True)
class ActionOut:
    """Predictions give the ``action`` of a policy on what it observes."""

    gives: Literal["action"] = "action"


PredictIn = TextIn | TalkIn | SpeechIn | FileIn | NumbersIn
PredictOut = LabelOut | SpansOut | TextOut | TranscriptOut | BoxesOut | VectorOut | FileOut | ActionOut


@dataclass(frozen=True)
class TaskCard:
    """One task of a kind: the forms of its rows, its measures, reference baseline, gates and exports.

    pipeline_tag: what model hubs call the task. limits: a sentence of the model card, in which ``{labels}`` is how many
    there are. use: the module whose `how_to_use` writes down how each export is opened without Engram. library: what
    model hubs call the library that opens them.
    """

    title: str
    forms: tuple[str, ...]
    kpis: tuple[Kpi, ...]
    reference_baseline: str
    gates: Mapping[str, tuple[Criterion, ...]]
    exports: tuple[str, ...]
    predict_in: PredictIn
    predict_out: PredictOut
    pipeline_tag: str
    limits: str
    use: str
    library: str = "transformers"

    @property
    def played(self) -> bool:
        """Tell whether its rows are the seeds of episodes, so that it has an environment and no sources."""
        return self.forms == (SEED,)


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
