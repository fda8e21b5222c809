"""What each stage of a filter finds in a text, for whoever tries it out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engram.security.filters.check import APART, Filter, check, readings
from engram.security.filters.decision import first_match
from engram.security.filters.normalise import clean
from engram.security.filters.unwrap import unwrap


def explain(filter_: Filter, text: str) -> dict[str, Any]:
    """Return what every stage finds, the ones behind a block included, and the decision.

    readings: in how many ways the text was read; inside: how many texts were found wrapped in it. Scores are the
    highest of each label; they are absent where no classifier answers.

    >>> found = explain(Filter(), "see aGVsbG8gd29ybGQ=")
    >>> found["normalise"]["inside"], found["classifier"]["state"], found["decision"]["action"]
    (1, 'none installed', 'allow')
    """
    decision = check(filter_, text)
    said: dict[str, Any] = {
        "limits": {"characters": len(text), "most": filter_.max_characters},
        "normalise": None,
        "patterns": [],
        "classifier": {"state": decision.classifier},
        "decision": asdict(decision),
    }
    if len(text) > filter_.max_characters or len(cleaned := clean(text)) > filter_.max_characters:
        return said
    found = unwrap(cleaned)
    inside = APART.join(found.texts)
    read = readings(cleaned, inside)
    said["normalise"] = {"changed": cleaned != text, "readings": len(read), "inside": len(found.texts)}
    said["patterns"] = [
        {"id": rule.id, "action": rule.action} for rule in filter_.rules if first_match([rule], read) is not None
    ]
    if filter_.classifier is not None:
        said["classifier"] = _asked(filter_, [cleaned, inside] if inside else [cleaned])
    return said


def _asked(filter_: Filter, texts: list[str]) -> dict[str, Any]:
    try:
        scores = list(filter_.classifier.score_all(texts)) if filter_.classifier is not None else []
        highest = {label: max(float(one[label]) for one in scores) for label in (scores[0] if scores else {})}
    except Exception:  # whatever it is, it gives no scores
        return {"state": "down"}
    return {"state": "looked", "scores": highest}
