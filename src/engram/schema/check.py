"""One step of a verification: what was looked at, whether it is as it was signed, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of `engram verify`. `name` begins with the file that was looked at, where it was a file."""

    name: str
    ok: bool
    detail: str = ""
