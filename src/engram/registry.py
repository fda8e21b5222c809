"""Names first, code later: kinds, metrics, prep steps, readers, exports and callbacks.

Built-ins and plugins come through the same door, the entry points of installed packages. Listing names imports nothing.
A plugin is loaded only when its distribution is named in ENGRAM_PLUGINS: an installed package alone gains no say.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from engram.errors import PlatformError, UnknownName
from engram.settings import load_settings

GROUPS = {
    "kind": "engram.kinds",
    "metric": "engram.metrics",
    "prep step": "engram.prep",
    "reader": "engram.readers",
    "export": "engram.exports",
    "callback": "engram.callbacks",
}


@cache
def _points(what: str) -> dict[str, EntryPoint]:
    allowed = {"engram", *load_settings().plugins}
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUPS[what]):
        distribution = point.dist.name if point.dist else ""
        if distribution not in allowed:
            continue
        if point.name in found and distribution != "engram":
            continue  # a plugin never replaces a built-in
        found[point.name] = point
    if not any(point.dist and point.dist.name == "engram" for point in found.values()):
        raise PlatformError(
            "Engram is not installed in this environment, so nothing is registered.",
            remedy="Install it with: pip install -e .",
        )
    return found


def names(what: str) -> list[str]:
    """Return the registered names of one of the GROUPS, as ``metric`` or ``prep step``, sorted.

    >>> "language" in names("kind")
    True
    """
    return sorted(_points(what))


def plugin_of(what: str, name: str) -> str:
    """Return the distribution that brings a registered name; empty for Engram's own, and for a name that is none.

    >>> plugin_of("kind", "language")
    ''
    """
    point = _points(what).get(name)
    distribution = point.dist.name if point is not None and point.dist else ""
    return "" if distribution == "engram" else distribution


def get(what: str, name: str) -> Any:
    """Load one registered object.

    Raises UnknownName, with the known names, when there is none.
    """
    points = _points(what)
    if name not in points:
        raise UnknownName.of(what, name, points)
    return points[name].load()
