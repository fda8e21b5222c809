"""What the tuned model is set against: the reference baseline's name, and the numbers of the other baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engram.pipeline.page.text import esc
from engram.schema.report import Report
from engram.schema.takes import Noun

WORDS = {
    "majority": "majority class",
    "ngram": "n-gram model",
    "untrained": "untrained model",
    "untouched": "untouched model",
    "random": "random policy",
    "strongest": "strongest baseline",
    "copy": "recordings through the vocoder",
    "world_copy": "recordings through WORLD",
}
OF_SPANS = {"majority": "commonest tag of a word"}
CHOSEN = "strongest"  # a copy of whichever other baseline did best


@dataclass(frozen=True)
class Baselines:
    """reference: the name of the baseline that differences are taken from. others: name → metric → value.

    Names are in words, and escaped.
    """

    reference: str
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def baselines(reports: Mapping[str, Report], provenance: Mapping[str, str], gives: Noun | None) -> Baselines:
    """Return the baselines of a run, as the reports' details name them, else the provenance.

    A reference that is a copy of another baseline goes by that one's name. gives: what the task's answers are.
    """
    places = [reports[stage].details for stage in ("evaluate", "baseline") if stage in reports]
    named = [place.get("reference") or place.get("reference_baseline") for place in (*places, provenance)]
    reference = next((name for name in named if isinstance(name, str) and name), "")
    details = places[0] if places else {}
    found = details.get("baselines")
    numbers = {
        str(name): values
        for name, values in (*_items(found), ("majority", details.get("majority")))
        if isinstance(values, Mapping)
    }
    own = numbers.pop(reference, None)
    twin = next((name for name in numbers if reference == CHOSEN and numbers[name] == own), "")
    numbers.pop(twin, None)
    shown = _words(twin or reference, gives) if reference else "reference baseline"
    return Baselines(shown, {_words(name, gives): values for name, values in numbers.items()})


def _items(found: Any) -> list[tuple[Any, Any]]:
    return list(found.items()) if isinstance(found, Mapping) else []


def _words(name: str, gives: Noun | None) -> str:
    special = OF_SPANS if gives == "spans" else {}
    return esc(special.get(name) or WORDS.get(name) or name.replace("_", " "))
