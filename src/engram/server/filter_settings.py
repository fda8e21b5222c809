"""What the content filters of a home are set to: one row of the settings, read with its types or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from sqlalchemy import Connection

from engram.errors import UsageError, VerificationFailed
from engram.files import canonical_json
from engram.security.filters.built_in import BUILT_IN
from engram.security.filters.check import Threshold
from engram.security.filters.decision import Action, Rule, parse_rules
from engram.store.records.settings import Setting, get_setting, put_setting

NAME = "filters"
SIDES = ("requests", "responses", "datasets")
# Responses wait for an Admin: what is written piece by piece is held back while they are looked at.
AT_FIRST = ("requests", "datasets")
MOST_RULES = 500


@dataclass(frozen=True)
class Installed:
    """The classifier: an artifact of the task classify by its digest, and from where on its labels act."""

    artifact: str
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True)
class FilterSettings:
    """What is looked for and where. rules: ``{id, pattern, action}`` each; on: some of `SIDES`; version: 0 at first."""

    rules: tuple[Mapping[str, str], ...] = BUILT_IN
    classifier: Installed | None = None
    on: tuple[str, ...] = AT_FIRST
    version: int = 0

    def parsed(self) -> tuple[Rule, ...]:
        """Return the rules ready to be used; raises UsageError naming one that is none."""
        return _parsed(canonical_json([dict(one) for one in self.rules]))

    def said(self) -> dict[str, Any]:
        """Return the settings as plain data, without their version."""
        classifier = self.classifier and {
            "artifact": self.classifier.artifact,
            "thresholds": [
                {"label": one.label, "at_least": one.at_least, "action": one.action}
                for one in self.classifier.thresholds
            ],
        }
        return {"rules": [dict(one) for one in self.rules], "classifier": classifier, "on": list(self.on)}


def parse_settings(said: Mapping[str, Any], version: int = 0) -> FilterSettings:
    """Read settings from plain data.

    Raises UsageError naming the rule, threshold or side that means nothing.

    >>> parse_settings({"rules": [], "classifier": None, "on": ["requests"]}).on
    ('requests',)
    """
    if set(said) != {"rules", "classifier", "on"} or not isinstance(said["rules"], list):
        raise UsageError("Filters have exactly rules, classifier and on.")
    if len(said["rules"]) > MOST_RULES or not all(isinstance(one, dict) for one in said["rules"]):
        raise UsageError(f"Filters have at most {MOST_RULES} rules, each with id, pattern and action.")
    if not isinstance(said["on"], list) or not set(map(str, said["on"])) <= set(SIDES):
        raise UsageError(f"Filters are on for some of {', '.join(SIDES)}, not {said['on']!r}.")
    found = FilterSettings(
        tuple(said["rules"]),
        _installed(said["classifier"]),
        tuple(side for side in SIDES if side in said["on"]),
        version,
    )
    found.parsed()
    return found


def read_settings(tx: Connection) -> FilterSettings:
    """Return what is set, or what a home begins with.

    Raises VerificationFailed for a row that means nothing: texts are refused then, not waved through.
    """
    return settings_in(get_setting(tx, NAME))


def settings_in(row: Setting | None) -> FilterSettings:
    """Return what a row of the settings says, None for one that was never set; raises what `read_settings` raises."""
    if row is None:
        return FilterSettings()
    try:
        return parse_settings(row.value, row.version)
    except (UsageError, TypeError, AttributeError) as error:
        raise VerificationFailed(
            f"The setting {NAME!r} can't be read, so nothing passes the filters: {error}",
            remedy="Set it again: PUT /api/v1/filters",
        ) from error


def write_settings(tx: Connection, settings: FilterSettings, actor: str, version: int) -> FilterSettings:
    """Set the filters; raises Changed when `version` is not the present one."""
    row = put_setting(tx, NAME, settings.said(), actor=actor, version=version)
    return parse_settings(row.value, row.version)


@lru_cache(maxsize=8)
def _parsed(rules: bytes) -> tuple[Rule, ...]:
    import json

    return parse_rules(json.loads(rules))


def _installed(said: Any) -> Installed | None:
    if said is None:
        return None
    try:
        thresholds = tuple(_threshold(one) for one in said["thresholds"])
        if set(said) != {"artifact", "thresholds"} or not isinstance(said["artifact"], str) or not thresholds:
            raise ValueError("it has exactly artifact and at least one threshold")
        return Installed(said["artifact"], thresholds)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"The filters' classifier is none: {error}.") from error


def _threshold(said: Any) -> Threshold:
    label, at_least, action = said["label"], said["at_least"], said.get("action", "block")
    if not isinstance(label, str) or isinstance(at_least, bool) or not isinstance(at_least, int | float):
        raise ValueError("a threshold names a label and a probability")
    if not 0 < at_least <= 1 or action not in get_args(Action) or action == "allow":
        raise ValueError(f"{label!r} acts from a probability over 0 up to 1, with block or flag")
    return Threshold(label, float(at_least), action)
