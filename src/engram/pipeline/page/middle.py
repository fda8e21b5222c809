"""The cards between baseline and gates: which of them a run has depends on what its task gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engram.pipeline.page import boxes, classes, confusion, episode, examples, loss, reliability, reward, samples
from engram.schema.report import Report
from engram.schema.takes import Noun


@dataclass(frozen=True)
class Card:
    """A card: its anchor, its title in the contents, and its HTML."""

    anchor: str
    title: str
    html: str


def cards(
    report: Report | None,
    gives: Noun | None,
    better: Mapping[str, str],
    curve: Sequence[Mapping[str, float]],
    note: str = "",
) -> list[Card]:
    """Return the cards of the training and of what was measured, in the order of the page.

    report: of the evaluate stage, or None before it. gives: what the task's answers are; None where that is not known,
    and then the report tells. What a task never has, has no card; what is still to come has one that says so.
    """
    gives = gives or _found(report)
    if gives == "classes":
        return _of_classes(report, curve, note)
    if gives == "spans":
        return _of_spans(report, curve, note)
    if gives == "boxes":
        return _of_boxes(report, curve, note)
    wide = Card("loss", "Loss", loss.section(curve, 12, note))
    if gives == "episodes":
        drawn = Card("episode", "Episode", episode.section(report, note))
        return [Card("reward", "Reward", reward.section(curve, 12, note)), drawn]
    if gives == "texts":
        return [wide, Card("examples", "Examples", examples.section(report, better, note))]
    if gives == "speech":
        return [wide, Card("samples", "Samples", samples.section(report, note))]
    return [wide]


def _found(report: Report | None) -> Noun | None:
    details = report.details if report else {}
    keys: tuple[tuple[str, Noun], ...] = (
        ("confusion_matrix", "classes"),
        ("per_class_f1", "classes"),
        ("tag_confusion", "spans"),
        ("per_class_ap", "boxes"),
        ("examples", "texts"),
        ("episodes", "episodes"),
        ("samples", "speech"),
    )
    return next((noun for key, noun in keys if key in details), None)


def _of_classes(report: Report | None, curve: Sequence[Mapping[str, float]], note: str) -> list[Card]:
    wide = confusion.is_wide(report, confusion.CLASSES)
    return [
        Card("loss", "Loss", loss.section(curve, 7, note)),
        Card("reliability", "Reliability", reliability.section(report, note)),
        Card("confusion", "Confusion matrix", confusion.section(report, confusion.CLASSES, 12 if wide else 7, note)),
        Card("classes", "Each class", classes.section(report, classes.CLASSES, 12 if wide else 5, note)),
    ]


def _of_boxes(report: Report | None, curve: Sequence[Mapping[str, float]], note: str) -> list[Card]:
    return [
        Card("loss", "Loss", loss.section(curve, 7, note)),
        Card("classes", "Each class", boxes.classes(report, 5, note)),
        Card("pictures", "Pictures", boxes.pictures(report, note)),
    ]


def _of_spans(report: Report | None, curve: Sequence[Mapping[str, float]], note: str) -> list[Card]:
    """Return loss, confusion of tags and scores of each type; the last only where the tags mark spans."""
    typed = report is None or classes.TYPES.key in report.details
    wide = confusion.is_wide(report, confusion.TAGS)
    types = [Card("classes", "Each type", classes.section(report, classes.TYPES, 6, note))] if typed else []
    matrix = confusion.section(report, confusion.TAGS, 6 if typed and not wide else 12, note)
    tags = Card("confusion", "Confusion of tags", matrix)
    drawn = Card("loss", "Loss", loss.section(curve, 6 if typed and wide else 12, note))
    return [drawn, *types, tags] if wide else [drawn, tags, *types]
