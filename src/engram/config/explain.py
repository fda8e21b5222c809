"""Where a value comes from: what stands, who said it, and what stood there otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engram import registry
from engram.config.load import Loaded
from engram.config.tree import dotted, leaves
from engram.errors import UnknownName, UsageError, did_you_mean
from engram.schema.card import TaskCard
from engram.schema.codec import to_dict
from engram.schema.criterion import Criterion
from engram.settings import Settings, load_settings

DEFAULT = "default"


@dataclass(frozen=True)
class Origin:
    """One value: its dotted key, what it is, and who said so (``default`` when nobody did)."""

    key: str
    value: Any
    origin: str


def explain_recipe(loaded: Loaded, key: str) -> list[Origin]:
    """Return the values at a dotted key, one for each value below it, gates and metrics of the card included.

    Raises UsageError, with the nearest key, for one that no recipe has.
    """
    everything = [*_values(loaded), *_gates(loaded)]
    found = [one for one in everything if one.key == key or one.key.startswith(f"{key}.")]
    if not found:
        parts = [one.key.split(".") for one in everything]
        known = {".".join(part[:size]) for part in parts for size in range(1, len(part) + 1)}
        raise UsageError(f"No recipe has the key {key!r}.", remedy=did_you_mean(key, known))
    return found


def explain_settings(environment: Mapping[str, str], key: str | None = None) -> list[Origin]:
    """Return the settings of this installation, or one of them.

    Raises UnknownName for a setting that does not exist.

    >>> explain_settings({"ENGRAM_THREADS": "2"}, "threads")
    [Origin(key='threads', value=2, origin='ENGRAM_THREADS')]
    """
    names = setting_names()
    if key is not None and key not in names:
        raise UnknownName.of("setting", key, names)
    settings = load_settings(environment)
    return [_setting(settings, environment, name) for name in names if key in (None, name)]


def setting_names() -> list[str]:
    """Return the names of the settings.

    >>> "home" in setting_names()
    True
    """
    return [field.name for field in dataclasses.fields(Settings)]


def _setting(settings: Settings, environment: Mapping[str, str], name: str) -> Origin:
    variable = f"ENGRAM_{name.upper()}"
    value = getattr(settings, name)
    plain = list(value) if isinstance(value, tuple) else value if isinstance(value, int) else str(value)
    return Origin(name, plain, variable if environment.get(variable) else DEFAULT)


def _task(loaded: Loaded) -> TaskCard:
    task: TaskCard = registry.get("kind", loaded.recipe.kind).tasks[loaded.recipe.task]
    return task


def _values(loaded: Loaded) -> list[Origin]:
    plain = to_dict(loaded.recipe)
    del plain["gates"]
    by_card = not loaded.recipe.evaluate.metrics
    if by_card:
        plain["evaluate"]["metrics"] = [kpi.name for kpi in _task(loaded).kpis]
    found = []
    for path, value in leaves(plain):
        name = dotted(path)
        card = by_card and path[:2] == ("evaluate", "metrics")
        found.append(Origin(name, value, _card(loaded) if card else _said(loaded.origins, name) or DEFAULT))
    return found


def _gates(loaded: Loaded) -> list[Origin]:
    """Return what each gate asks: the recipe's lines, and the card's where the recipe does not ask the same itself."""
    ours = loaded.recipe.gates
    found = []
    for stage, defaults in _task(loaded).gates.items():
        asked = {(one.metric, one.demand()[0]) for one in ours.get(stage, ())}
        found += [_gate(stage, one, _card(loaded)) for one in defaults if (one.metric, one.demand()[0]) not in asked]
        for index, one in enumerate(ours.get(stage, ())):
            found.append(_gate(stage, one, _said(loaded.origins, f"gates.{stage}.{index}.metric")))
    return found


def _gate(stage: str, criterion: Criterion, origin: str) -> Origin:
    op, threshold = criterion.demand()
    return Origin(f"gates.{stage}.{criterion.metric}", f"{op} {threshold:g}, {criterion.severity}", origin)


def _card(loaded: Loaded) -> str:
    return f"card of the kind {loaded.recipe.kind!r}"


def _said(origins: Mapping[str, str], name: str) -> str:
    """Return who said a value; a block or list that was replaced whole answers for what is in it."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        if origin := origins.get(".".join(parts[:size])):
            return origin
    return ""
