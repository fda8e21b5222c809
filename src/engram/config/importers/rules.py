"""The kinds of rule that most keys need, and the values they may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.schema.codec import Path

Convert = Callable[[Any], Any]
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def keep(ours: str, convert: Convert, note: str = "") -> Rule:
    """Carry a key over to one of ours; a value that does not fit is not supported."""

    def rule(sheet: Sheet, path: Path, value: Any) -> None:
        try:
            becomes = convert(value)
        except Unfit as unfit:
            sheet.refuse(path, str(unfit))
        else:
            sheet.carry(path, ours, becomes, note)

    return rule


def drop(reason: str) -> Rule:
    """Ignore a key, whatever it says."""
    return lambda sheet, path, value: sheet.ignore(path, reason)


def refuse(reason: str, unless: Iterable[Any] = (False,), *, matters: bool = True) -> Rule:
    """Name a key as not supported yet, unless its value asks for what happens here anyhow."""
    harmless = [*unless]

    def rule(sheet: Sheet, path: Path, value: Any) -> None:
        if is_one_of(value, harmless):
            sheet.ignore(path, "is what Engram does anyhow")
        else:
            sheet.refuse(path, reason, matters=matters)

    return rule


def is_one_of(value: Any, options: Iterable[Any]) -> bool:
    """Compare as configuration files mean it: `no` is false, and true is not 1.

    >>> is_one_of("no", [False]), is_one_of(False, ["no"]), is_one_of(True, [1]), is_one_of("ADAMW", ["adamw"])
    (True, True, False, True)
    """
    meant = _plain(value)
    others = [_plain(option) for option in options]
    return any(meant == other and isinstance(meant, bool) == isinstance(other, bool) for other in others)


def number(value: Any) -> float:
    """Read a number, also one that stands in quotes.

    >>> number("2e-5")
    2e-05
    """
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if math.isfinite(found):
            return found
    raise Unfit(f"must be a number, not {shown(value)}")


def whole(value: Any) -> int:
    """Read a whole number.

    >>> whole("8"), whole(8.0)
    (8, 8)
    """
    found = number(value)
    if found != int(found):
        raise Unfit(f"must be a whole number, not {shown(value)}")
    return int(found)


def flag(value: Any) -> bool:
    """Read true or false; the words of YAML 1.1 count, as they do for the peers.

    >>> flag("yes"), flag(False)
    (True, False)
    """
    meant = _plain(value)
    if isinstance(meant, bool):
        return meant
    raise Unfit(f"must be true or false, not {shown(value)}")


def text(value: Any) -> str:
    """Read a text that is not empty."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise Unfit(f"must be text, not {shown(value)}")


def words(value: Any) -> list[str]:
    """Read a list of words, also one that is written with commas.

    >>> words("q_proj, v_proj"), words(["a"])
    (['q_proj', 'v_proj'], ['a'])
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list) and value:
        return [text(one) for one in value]
    raise Unfit(f"must be a list of words, not {shown(value)}")


def one_of(**options: Any) -> Convert:
    """Return a conversion that knows some words, by the names they have at the peer."""

    def convert(value: Any) -> Any:
        meant = str(value).lower()
        if meant not in options:
            raise Unfit(f"must be one of {', '.join(options)}, not {shown(value)}")
        return options[meant]

    return convert


def shown(value: Any) -> str:
    """Say what a value is, without its inside where that could be long."""
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return "nothing" if value is None else str(value).lower()


def word(value: Any) -> str:
    """Quote a value, shortened."""
    return repr(str(value)[:40])


def _plain(value: Any) -> Any:
    return _SWITCH.get(value.lower(), value.lower()) if isinstance(value, str) else value
