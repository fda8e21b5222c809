"""``${NAME}`` and ``${NAME:-default}`` in the texts of a recipe file; ``$${`` writes ``${`` itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engram.config.problems import Problem
from engram.config.tree import Tree, dotted, leaves

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\})?")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace the variables of one text; as in a shell, ``:-`` gives what an unset or empty one stands for.

    Raises KeyError with the name of a variable that is not set, ValueError for ``${`` without a name and ``}``.

    >>> expand("${HOME}/x ${NO:-data} $${NO}", {"HOME": "/h"})
    '/h/x data ${NO}'
    """

    def one(found: re.Match[str]) -> str:
        if found.group() == "$${":
            return "${"
        name, default = found[1], found[3]
        if name is None:
            raise ValueError(text)
        if default is not None:
            return environment.get(name) or default
        return environment[name]

    return _VARIABLE.sub(one, text)


def expand_tree(tree: Tree, environment: Mapping[str, str]) -> tuple[Tree, list[Problem]]:
    """Replace the variables of every text that came from a file, and tell which could not be."""
    problems: list[Problem] = []
    changed: dict[tuple[str | int, ...], str] = {}
    for path, value in leaves(tree.data):
        mark = tree.mark(path)
        if not isinstance(value, str) or "${" not in value or not mark.expands:
            continue
        try:
            changed[path] = expand(value, environment)
        except KeyError as error:
            told = f"the variable {error.args[0]} is not set. Set it, or write ${{{error.args[0]}:-default}}."
            problems.append(Problem(mark.where, mark.line, mark.column, dotted(path), told))
        except ValueError:
            told = f"'${{' begins no variable in {value!r}. Write ${{NAME}}, or $${{ for the characters themselves."
            problems.append(Problem(mark.where, mark.line, mark.column, dotted(path), told))
    return Tree(_replace(tree.data, changed, ()), tree.marks), problems


def _replace(data: Any, changed: Mapping[tuple[str | int, ...], str], path: tuple[str | int, ...]) -> Any:
    if isinstance(data, dict):
        return {key: _replace(value, changed, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [_replace(value, changed, (*path, index)) for index, value in enumerate(data)]
    return changed.get(path, data)
