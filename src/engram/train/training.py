"""What the loop needs from a kind, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engram.schema.recipe import Train

Batch = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Training:
    """One training.

    loss: (model, batch) → (sum of the losses, number of targets), the sum as a scalar tensor with its graph.
    lengths: tokens of each training row. collate: row indices → batch on the model's device.
    valid_batches: makes the validation batches anew; their losses decide `best`.
    emit: takes (type, body) for the journal. command: what the controlling side wants now (none | pause | cancel |
    checkpoint). identity: what must be the same for a checkpoint to fit (recipe, split and base digests).
    environment: what must be the same for a resume to be exact (threads, versions, machine).
    run, config: what callbacks and trackers are told of it: an id, and the recipe as plain data. tracking: where they
    write; beside `folder` when absent. vary: takes the place of `collate` for training batches and is told the epoch,
    for rows that are shown otherwise in each; what it draws depends on rows and epoch alone.
    """

    model: nn.Module
    loss: Callable[[nn.Module, Batch], tuple[torch.Tensor, int]]
    lengths: Sequence[int]
    collate: Callable[[Sequence[int]], Batch]
    valid_batches: Callable[[], Iterable[Batch]]
    options: Train
    folder: Path
    emit: Callable[[str, Mapping[str, Any]], None] = lambda kind, body: None
    command: Callable[[], str] = lambda: "none"
    identity: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    tracking: Path | None = None
    vary: Callable[[Sequence[int], int], Batch] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a training ended. `best` is the checkpoint folder with the lowest validation loss.

    resume: ``exact`` or ``approximate``, where the kind can't promise the first for all that it trains; else empty.
    """

    best: Path
    steps: int
    first_valid_loss: float
    best_valid_loss: float
    best_step: int
    tokens: int
    targets: int
    stopped_early: bool
    grad_norms: tuple[float, ...]
    resume: str = ""
