"""What a filter says of a text, and the rules it is made of; both are data, and neither holds the text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import re2

from engram.errors import UsageError

Action = Literal["allow", "flag", "block"]
Stage = Literal["limits", "patterns", "classifier", "end"]
# Whether a classifier looked: none installed, looked, installed but down, or not asked because it was decided before.
Looked = Literal["none installed", "looked", "down", "not asked"]

SEVERITY: Mapping[Action, int] = {"allow": 0, "flag": 1, "block": 2}
MAX_PATTERN = 2000
MAX_PROGRAM_BYTES = 8 << 20


@dataclass(frozen=True)
class FilterDecision:
    """What is to happen with a text, and why.

    stage: where it was decided; rule: the id of the rule or limit, empty when allowed.
    digest: SHA-256 of the text as it came; the text itself is in no log.
    """

    action: Action
    stage: Stage
    rule: str
    digest: str
    classifier: Looked


@dataclass(frozen=True)
class Rule:
    """One pattern of RE2's syntax with its id; made by `parse_rules`."""

    id: str
    action: Action
    pattern: Any  # a compiled pattern of re2, which has no types


def parse_rules(said: Iterable[Mapping[str, object]]) -> tuple[Rule, ...]:
    """Read the rules of the settings: ``{id, pattern, action}`` each; upper and lower case are the same.

    Patterns are RE2's, so none backtracks: they have no back-references and no look-around. Raises UsageError naming
    the rule that is malformed, not RE2, matches the empty text, or has the id of another.

    >>> [rule.id for rule in parse_rules([{"id": "no-foo", "pattern": "fo+", "action": "block"}])]
    ['no-foo']
    """
    found: dict[str, Rule] = {}
    for number, each in enumerate(said, 1):
        rule = _parse(number, each)
        if rule.id in found:
            raise UsageError(f"Two filter rules have the id {rule.id!r}.", remedy="Give each its own.")
        found[rule.id] = rule
    return tuple(found.values())


def first_match(rules: Iterable[Rule], texts: Iterable[str]) -> Rule | None:
    """Return the most severe rule that matches any of the texts; of equals, the first."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    worst: Rule | None = None
    for rule in rules:
        if worst is not None and SEVERITY[rule.action] <= SEVERITY[worst.action]:
            continue
        if any(rule.pattern.search(text) for text in encoded):
            worst = rule
    return worst


def _parse(number: int, said: Mapping[str, object]) -> Rule:
    name, pattern, action = (said.get(key) for key in ("id", "pattern", "action"))
    where = f"Filter rule {number} ({name!r})"
    if set(said) != {"id", "pattern", "action"} or not all(isinstance(each, str) for each in said.values()):
        raise UsageError(f"{where} must have exactly id, pattern and action, all texts; it has {sorted(said)}.")
    name, pattern = str(name), str(pattern)
    if not name.isprintable() or not 0 < len(name) <= 100 or not 0 < len(pattern) <= MAX_PATTERN:
        raise UsageError(f"{where}: an id has 1 to 100 printable characters, a pattern 1 to {MAX_PATTERN}.")
    if action not in ("flag", "block"):
        raise UsageError(f"{where} has the action {action!r}; expected flag or block.")
    try:
        compiled = re2.compile(pattern, _options())
    except re2.error as error:
        said_why = error.args[0].decode("utf-8", "replace") if error.args else "not RE2"
        raise UsageError(
            f"{where} is not a pattern of RE2: {said_why}.", remedy="RE2 has no back-references and no look-around."
        ) from error
    if compiled.search("") is not None:
        raise UsageError(f"{where} matches the empty text, so it would match everything.", remedy="Require something.")
    return Rule(name, "block" if action == "block" else "flag", compiled)


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MAX_PROGRAM_BYTES
    return options
