"""What a kind whose training is no gradient loop over rows is given, in place of `engram.train.training.Training`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram.schema.recipe import Train


@dataclass(frozen=True)
class Fitting:
    """One training that a kind does by itself, with the events, commands and checkpoints of every other.

    options, folder, emit, command, identity, environment, run, config, tracking: as `Training` has them.
    """

    options: Train
    folder: Path
    emit: Callable[[str, Mapping[str, Any]], None] = lambda kind, body: None
    command: Callable[[], str] = lambda: "none"
    identity: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    tracking: Path | None = None
