"""The filter: limits, then patterns on every view of the text, then the classifier if there is one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from engram.files import sha256_bytes
from engram.security.filters.decision import SEVERITY, Action, FilterDecision, Looked, Rule, first_match
from engram.security.filters.normalise import clean, views
from engram.security.filters.unwrap import unwrap

MAX_CHARACTERS = 4_000_000
APART = "\n" * 4  # farther than `join_split` joins
DOWN = "classifier.down"

Scores = Sequence[Mapping[str, float]]


class Classifier(Protocol):
    """Says how likely each of its labels is; it runs in core, so it may be down."""

    def score_all(self, texts: Sequence[str]) -> Scores:
        """Return label → probability for each text; raise anything when it can't."""


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


@dataclass(frozen=True)
class _Read:
    """What limits and patterns said of one text. texts: what the classifier is to see of it."""

    digest: str
    decision: FilterDecision | None = None
    flagged: str = ""
    texts: tuple[str, ...] = ()


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
    return check_all(filter_, [text])[0]


def check_all(filter_: Filter, texts: Sequence[str]) -> list[FilterDecision]:
    """Decide about many texts; the classifier is asked once for all that it must see."""
    found = [_read(filter_, text) for text in texts]
    scores = iter(_scores(filter_, [text for one in found for text in one.texts]))
    return [one.decision or _judge(filter_, one, list(islice(scores, len(one.texts)))) for one in found]


def readings(cleaned: str, inside: str) -> list[str]:
    """Return every view of a cleaned text and of what was found inside it."""
    return list(dict.fromkeys((*views(cleaned), *(views(clean(inside)) if inside else ()))))


def _read(filter_: Filter, text: str) -> _Read:
    digest = sha256_bytes(text.encode("utf-8", "surrogatepass"))
    if len(text) > filter_.max_characters:
        return _Read(digest, FilterDecision("block", "limits", "limit.size", digest, "not asked"))
    cleaned = clean(text)
    if len(cleaned) > filter_.max_characters:  # some characters are up to 18 in NFKC
        return _Read(digest, FilterDecision("block", "limits", "limit.size", digest, "not asked"))
    found = unwrap(cleaned)
    inside = APART.join(found.texts)
    rule = first_match(filter_.rules, readings(cleaned, inside))
    if rule is not None and rule.action == "block":
        return _Read(digest, FilterDecision("block", "patterns", rule.id, digest, "not asked"))
    if found.beyond_limits:
        return _Read(digest, FilterDecision("block", "limits", "limit.wrapped", digest, "not asked"))
    texts = () if filter_.classifier is None else (cleaned, inside) if inside else (cleaned,)
    return _Read(digest, None, rule.id if rule else "", texts)


def _scores(filter_: Filter, texts: list[str]) -> list[dict[str, float]]:
    """Return the thresholds' labels with their probabilities for each text; none at all when they can't be had."""
    if filter_.classifier is None or not texts:
        return []
    try:
        said = list(filter_.classifier.score_all(texts))
        given = [{each.label: float(one[each.label]) for each in filter_.thresholds} for one in said]
    except Exception:  # whatever it is, the texts have not been judged
        return []
    sound = len(given) == len(texts) and all(
        math.isfinite(score) and 0 <= score <= 1 for one in given for score in one.values()
    )
    return given if sound else []


def _judge(filter_: Filter, read: _Read, given: Scores) -> FilterDecision:
    looked: Looked = "none installed" if filter_.classifier is None else "looked"
    if filter_.classifier is not None and not given:
        return FilterDecision("block", "classifier", DOWN, read.digest, "down")
    crossed = [each for scores in given for each in filter_.thresholds if scores[each.label] >= each.at_least]
    worst = max(crossed, key=lambda each: SEVERITY[each.action], default=None)
    if read.flagged and (worst is None or worst.action != "block"):
        return FilterDecision("flag", "patterns", read.flagged, read.digest, looked)
    if worst is None or worst.action == "allow":
        return FilterDecision("allow", "end", "", read.digest, looked)
    return FilterDecision(worst.action, "classifier", worst.label, read.digest, looked)
