"""What a prep step is: a name, a version and a pure function of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One text → text step. A change of what `apply` returns needs a new `version`, or old caches would be trusted.

    >>> Step("shout", "1", str.upper).apply("hello")
    'HELLO'
    """

    name: str
    version: str
    apply: Callable[[str], str]
