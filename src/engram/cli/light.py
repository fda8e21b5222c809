"""Texts and flags need no checking: they pass here without pydantic, which typer imports for every other value.

That import costs as much processor time as all the rest of a short command. A parameter that is more than a text, a
list of texts, a flag or a bare path keeps typer's own checking; so does everything where typer's insides differ from
what this file knows, and then commands are slower and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_PLAIN: dict[Any, Callable[[Any], Any]] = {str: str, list[str]: list, bool: bool, Path: Path}
_RULES = ("parser", "click_type", "min", "max")
_PATH_RULES = ("exists", "writable", "resolve_path", "allow_dash", "path_type")
_PATH_MAY = ("file_okay", "dir_okay")


class Plain:
    """Takes a value as it is; None and repeated options as typer has them."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self.convert = convert

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value that the command receives."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        return self.convert(value)


def lighten(command: Any) -> None:
    """Give every plain parameter of a command the plain conversion, the help option that is made later included."""
    for param in command.params:
        _lighten(param)
    make_help_option = command.get_help_option

    def get_help_option(ctx: Any) -> Any:
        option = make_help_option(ctx)
        if option is not None:
            _lighten(option)
        return option

    command.get_help_option = get_help_option


def _lighten(param: Any) -> None:
    described = getattr(param, "type_descriptor", None)
    if described is None or not hasattr(param, "_runtime_param"):
        return
    said = described.parameter_info
    convert = _PLAIN.get(described.annotation)
    if convert is None or any(getattr(said, rule, None) not in (None, False) for rule in _RULES):
        return
    ruled = any(getattr(said, rule, None) for rule in _PATH_RULES)
    if convert is Path and (ruled or not all(getattr(said, may, True) for may in _PATH_MAY)):
        return
    param._runtime_param = Plain(convert)
