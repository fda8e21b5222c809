"""The filter: limits, then patterns on every view of the text, then the classifier if there is one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engram.files import sha256_bytes
from engram.security.filters.decision import Action, FilterDecision, Looked, Rule, Stage, first_match
from engram.security.filters.normalise import clean, views
from engram.security.filters.unwrap import unwrap

MAX_CHARACTERS = 4_000_000
APART = "\n" * 4  # farther than `join_split` joins


class Classifier(Protocol):
    """Says how likely each of its labels is; it runs in core, so it may be down."""

    def score(self, text: str) -> Mapping[str, float]:
        """Return label → probability; raise anything when it can't."""


@dataclass(frozen=True)
class Threshold:
    """From which probability on a label of the classifier acts."""

    label: str
    at_least: float
    action: Action = "block"


@dataclass(frozen=True)
class Filter:
    """Rules, and a classifier where one is installed; without one, the patterns work alone and decisions say so."""

    rules: tuple[Rule, ...] = ()
    classifier: Classifier | None = None
    thresholds: tuple[Threshold, ...] = field(default=())
    max_characters: int = MAX_CHARACTERS


def check(filter_: Filter, text: str) -> FilterDecision:
    """Decide what happens with a text; time and memory are linear in its length.

    What is too long or wrapped too deeply to be read is blocked. A classifier that is installed but fails, or gives no
    probability for one of its labels, blocks too.

    >>> from engram.security.filters.decision import parse_rules
    >>> said = check(Filter(parse_rules([{"id": "no-foo", "pattern": r"\\bfoo\\b", "action": "block"}])), "f o o!")
    >>> said.action, said.stage, said.rule, said.classifier
    ('block', 'patterns', 'no-foo', 'not asked')
    >>> check(Filter(), "hello").classifier
    'none installed'
    """
    digest = sha256_bytes(text.encode("utf-8", "surrogatepass"))
    if len(text) > filter_.max_characters:
        return FilterDecision("block", "limits", "limit.size", digest, "not asked")
    cleaned = clean(text)
    if len(cleaned) > filter_.max_characters:  # some characters are up to 18 in NFKC
        return FilterDecision("block", "limits", "limit.size", digest, "not asked")
    found = unwrap(cleaned)
    inside = APART.join(found.texts)
    rule = first_match(filter_.rules, readings(cleaned, inside))
    if rule is not None and rule.action == "block":
        return FilterDecision("block", "patterns", rule.id, digest, "not asked")
    if found.beyond_limits:
        return FilterDecision("block", "limits", "limit.wrapped", digest, "not asked")
    action, stage, why, looked = _classify(filter_, [cleaned, inside] if inside else [cleaned])
    if rule is not None and action != "block":
        action, stage, why = "flag", "patterns", rule.id
    return FilterDecision(action, stage, why, digest, looked)


def readings(cleaned: str, inside: str) -> list[str]:
    """Return every view of a cleaned text and of what was found inside it."""
    return list(dict.fromkeys((*views(cleaned), *(views(clean(inside)) if inside else ()))))


def _classify(filter_: Filter, texts: list[str]) -> tuple[Action, Stage, str, Looked]:
    if filter_.classifier is None:
        return "allow", "end", "", "none installed"
    found: tuple[Action, Stage, str, Looked] = ("allow", "end", "", "looked")
    for text in texts:
        try:
            scores = filter_.classifier.score(text)
            given = {each.label: float(scores[each.label]) for each in filter_.thresholds}
        except Exception:  # whatever it is, the text has not been judged
            return "block", "classifier", "classifier.down", "down"
        if not all(math.isfinite(score) and 0 <= score <= 1 for score in given.values()):
            return "block", "classifier", "classifier.down", "down"
        for each in filter_.thresholds:
            if given[each.label] >= each.at_least and each.action != "allow":
                if each.action == "block":
                    return "block", "classifier", each.label, "looked"
                found = (each.action, "classifier", each.label, "looked")
    return found
