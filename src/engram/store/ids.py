"""Ids of what is stored: a letter or two for the noun, and a ULID, so that they sort by time."""

from __future__ import annotations

from typing import Literal

from engram.pipeline.folder import new_run_id

Noun = Literal["u", "l", "k", "t", "d", "up", "rc", "v", "rv", "dp"]


def new_id(noun: Noun) -> str:
    """Return a new id; the letters stand for user, login, key, template, dataset, upload, recipe, verdict and so on.

    A run's id comes from `engram.pipeline.folder.new_run_id`.

    >>> new_id("u")[:2], len(new_id("u"))
    ('u_', 28)
    """
    return f"{noun}_{new_run_id().removeprefix('r_')}"
