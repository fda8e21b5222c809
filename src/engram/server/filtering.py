"""Content filters at work: on what is asked of a deployment, on what it answers, and on datasets.

A text that is flagged or blocked leaves a line with its digest. Where a classifier is installed and does not answer,
nothing passes; where none is, the patterns work alone, and every line says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NoReturn

from engram.errors import Blocked, EngramError, ServerAway
from engram.security.filters.check import DOWN, Filter, check_all
from engram.security.filters.decision import FilterDecision
from engram.security.filters.stream import FilterStream
from engram.server.access import Caller
from engram.server.core_link import CoreLink
from engram.server.filter_settings import FilterSettings, read_settings
from engram.server.platform import Platform
from engram.store.records.filter_decisions import Decided, record_decisions

Side = Literal["request", "response", "dataset"]
# A classifier reads the beginning of a text only, so a long one is shown to it in pieces that overlap.
WINDOW, OVERLAP = 800, 200
AT_ONCE = 64
BATCH = 256
MOST_NOTED = 100


@dataclass(frozen=True)
class CoreClassifier:
    """An artifact of the task classify, asked through core. The highest score of a text's pieces counts."""

    core: CoreLink
    artifact: str

    def score_all(self, texts: Sequence[str]) -> list[Mapping[str, float]]:
        """Return label → probability for each text; raises what core tells."""
        pieces = [(number, piece) for number, text in enumerate(texts) for piece in windows(text)]
        found: list[dict[str, float]] = [{} for _ in texts]
        for start in range(0, len(pieces), AT_ONCE):
            part = pieces[start : start + AT_ONCE]
            scores = self.core.classify(self.artifact, [piece for _, piece in part])
            for (number, _), score in zip(part, scores, strict=True):
                for label, value in score.items():
                    found[number][label] = max(value, found[number].get(label, 0.0))
        return [dict(one) for one in found]


@dataclass(frozen=True)
class Guard:
    """The filters as they stand for one request. subject: the deployment or dataset that is asked."""

    here: Platform
    who: Caller
    subject: str
    settings: FilterSettings

    @property
    def filter(self) -> Filter:
        """Return the filter of the settings."""
        return filter_of(self.here.core, self.settings)

    def admit(self, inputs: Sequence[Any]) -> None:
        """Let the inputs of a request pass, or raise Blocked; ServerAway when an installed classifier is away."""
        if "requests" in self.settings.on:
            self._judge("request", check_all(self.filter, [text_of(one) for one in inputs]))

    def let_out(self, answers: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
        """Yield answers, each when what is text of it (`server.tasks.said_texts`) was looked at; raises as `admit`."""
        if "responses" not in self.settings.on:
            yield from (one for one, _ in answers)
            return
        filter_ = self.filter
        for one, said in answers:
            self._judge("response", check_all(filter_, [text_of(said)]))
            yield one

    def pieces(self, said: Iterable[str | dict[str, Any]]) -> Iterator[str | dict[str, Any]]:
        """Yield an answer while it is written: pieces of text, none before what follows it has been seen, then the
        answer itself, looked at whole."""
        if "responses" not in self.settings.on:
            yield from said
            return
        filter_ = self.filter
        look = FilterStream(filter_)
        for one in said:
            if isinstance(one, str):
                step = look.feed(one)
                if step.decision.action == "block":
                    self._judge("response", [step.decision])
                if step.release:
                    yield step.release
                continue
            rest = look.finish()
            self._judge("response", [rest.decision, *check_all(filter_, [text_of(one)])])
            if rest.release:
                yield rest.release
            yield one

    def _judge(self, side: Side, decisions: Sequence[FilterDecision]) -> None:
        note(self, side, decisions)
        if worst := next((one for one in decisions if one.action == "block"), None):
            refuse(worst, side)


@dataclass(frozen=True)
class Scan:
    """What the filters said of a dataset. found: line number and decision, of the first 100 that are not allowed.

    on: False when filters are off for datasets; nothing was looked at then.
    """

    on: bool
    rows: int = 0
    blocked: int = 0
    flagged: int = 0
    classifier: str = ""
    found: tuple[tuple[int, FilterDecision], ...] = ()


def guard_of(here: Platform, who: Caller, subject: str) -> Guard:
    """Return the filters as they are set now."""
    with here.db.read() as tx:
        return Guard(here, who, subject, read_settings(tx))


def scan(here: Platform, who: Caller, dataset: str, rows: Iterable[tuple[int, str]]) -> Scan:
    """Look at a dataset's rows, line number and text, in batches, and note what is found; memory holds one batch.

    Raises ServerAway when an installed classifier is away: a dataset is looked at whole or not at all.
    """
    guard = guard_of(here, who, dataset)
    if "datasets" not in guard.settings.on:
        return Scan(False)
    filter_, rest = guard.filter, iter(rows)
    count = blocked = flagged = 0
    found: list[tuple[int, FilterDecision]] = []
    while batch := list(islice(rest, BATCH)):
        decisions = check_all(filter_, [text for _, text in batch])
        if any(one.rule == DOWN for one in decisions):
            refuse(next(one for one in decisions if one.rule == DOWN), "dataset")
        blocked += sum(one.action == "block" for one in decisions)
        flagged += sum(one.action == "flag" for one in decisions)
        found += [(line, one) for (line, _), one in zip(batch, decisions, strict=True) if one.action != "allow"]
        del found[MOST_NOTED:]
        count += len(batch)
    note(guard, "dataset", [one for _, one in found])
    looked = "none installed" if filter_.classifier is None else "looked"
    return Scan(True, count, blocked, flagged, looked, tuple(found))


def filter_of(core: CoreLink, settings: FilterSettings) -> Filter:
    """Return the filter that settings describe; its classifier is asked through core."""
    if settings.classifier is None:
        return Filter(settings.parsed())
    return Filter(settings.parsed(), CoreClassifier(core, settings.classifier.artifact), settings.classifier.thresholds)


def state_of(core: CoreLink, settings: FilterSettings) -> str:
    """Say in words whether a classifier looks: none installed, looks, or installed but down."""
    if settings.classifier is None:
        return "none installed: the patterns work alone"
    try:
        core.classify(settings.classifier.artifact, ["Is anybody there?"])
    except EngramError as error:
        return f"installed but down, so nothing passes: {error.message}"
    return "looks"


def note(guard: Guard, side: Side, decisions: Sequence[FilterDecision]) -> None:
    """Write down what was not simply allowed."""
    noted = [
        Decided(
            request=guard.who.request,
            user=guard.who.principal.user,
            side=side,
            subject=guard.subject,
            action=one.action,
            stage=one.stage,
            rule=one.rule,
            classifier=one.classifier,
            digest=one.digest,
        )
        for one in decisions
        if one.action != "allow"
    ]
    if noted:
        with guard.here.db.write() as tx:
            record_decisions(tx, noted[:MOST_NOTED])


def refuse(decision: FilterDecision, side: Side) -> NoReturn:
    """Refuse a text in words that don't repeat it; raises ServerAway where only the classifier is away."""
    if decision.rule == DOWN:
        raise ServerAway(
            "The content filter's classifier does not answer, and what it has not seen does not pass.",
            remedy="Is core running? GET /api/v1/filters says more.",
        )
    raise Blocked(
        f"The content filter blocked this {side}: {decision.rule} (stage {decision.stage}).",
        remedy="An Admin finds it under filters, decisions, by the id of this request.",
    )


def text_of(value: Any, *, keys: bool = True) -> str:
    """Return every text in plain data, a line each; whole numbers too, which may be somebody's card.

    keys: the names of fields too; without them, what follows in a stream stands next to what was before.

    >>> text_of({"text": ["b", "a", "d"], "n": 41, "p": 0.5, "ok": True})
    'text\\nb\\na\\nd\\nn\\n41\\np\\nok'
    """
    return "\n".join(_texts(value, keys))


def windows(text: str) -> list[str]:
    """Return a text in pieces that overlap.

    >>> [len(piece) for piece in windows("x" * 1500)]
    [800, 800, 300]
    """
    step = WINDOW - OVERLAP
    return [text[at : at + WINDOW] for at in range(0, max(1, len(text) - OVERLAP), step)]


def _texts(value: Any, keys: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if keys:
                yield str(key)
            yield from _texts(one, keys)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one, keys)
