"""Which tool a file belongs to, told by its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engram.errors import UsageError

OUR_FORMAT = "engram.recipe/"


def recognise(file: str, keys: Iterable[str], known: Mapping[str, Iterable[str]]) -> tuple[str, str]:
    """Return the tool whose keys these are, and the sentence that says why.

    known: tool → the keys that it has. The tool that knows the most keys of the file is the one, if no other knows as
    many, and if one key at least is its alone or it knows them all.

    Raises UsageError where the keys fit several tools, or none.

    >>> recognise("a.yaml", ["a", "b"], {"one": ["a", "b"], "two": ["b"]})
    ('one', "told by 'a'")
    """
    given = [*keys]
    sets = {tool: {*names} for tool, names in known.items()}
    count = {tool: sum(key in names for key in given) for tool, names in sets.items()}
    best = max(count.values())
    fits = [tool for tool, number in count.items() if number == best and number]
    choose = f"Say whose it is: --from {'|'.join(known)}"
    if not fits:
        raise UsageError(f"{file}: no key of this file belongs to {_listed(known)}.", remedy=choose)
    if len(fits) > 1:
        raise UsageError(f"{file}: its keys fit {_listed(fits)} alike.", remedy=choose)
    others = set().union(*(names for tool, names in sets.items() if tool != fits[0]))
    own = [key for key in given if key in sets[fits[0]] and key not in others]
    if own:
        return fits[0], f"told by {', '.join(map(repr, own[:3]))}"
    if best == len(given):
        return fits[0], "no other tool has all of its keys"
    raise UsageError(f"{file}: it has no key that belongs to one tool alone.", remedy=choose)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
