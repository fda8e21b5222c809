"""Heavy packages are imported late, and their absence is told in words."""

from __future__ import annotations

import importlib
from types import ModuleType

from engram.errors import MissingExtra


def need(module: str, *, extra: str, why: str) -> ModuleType:
    """Import ``module``, or say which extra brings it.

    Raises MissingExtra when the package is not installed.

    >>> need("json", extra="train", why="to show this example").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtra(
            f"The package {module!r} is needed {why}, and it is not installed.",
            remedy=f"In Engram's folder: pip install -e '.[{extra}]'  (./start.sh demo installs what training needs).",
        ) from error
