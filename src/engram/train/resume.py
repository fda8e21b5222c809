"""From a run to its checkpoint and back, for one process or many: what is written, and what is put back where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engram import files
from engram.errors import CheckpointError
from engram.train import checkpoint, randomness
from engram.train.adapter import trained_weights
from engram.train.checkpoint import Checkpoint
from engram.train.distributed import World, all_values, require_same_checkpoint
from engram.train.optimizer import optimizer_tensors
from engram.train.parallel import gathered
from engram.train.training import Training


@dataclass(frozen=True)
class Saved:
    """A checkpoint to go on from, and what is no longer as it was (nothing when the resume is exact)."""

    checkpoint: Checkpoint
    changed: tuple[str, ...]


def find_saved(training: Training, world: World) -> Saved | None:
    """Return the run's latest checkpoint, or None when there is none yet.

    Raises CheckpointError when it is damaged, belongs to other work, or is not the same for all processes.
    """
    folder = checkpoint.find(training.folder)
    require_same_checkpoint(world, files.sha256_file(folder / "manifest.json") if folder else "")
    if folder is None:
        return None
    found = checkpoint.load(folder)
    if found.state["identity"] != dict(training.identity):
        raise CheckpointError(
            f"{folder} belongs to another recipe, split or base model.",
            remedy="Start a new run instead of resuming this one.",
        )
    was, now = found.state["environment"], environment_of(training, world)
    return Saved(found, tuple(sorted(name for name in {*was, *now} if was.get(name) != now.get(name))))


def environment_of(training: Training, world: World) -> dict[str, Any]:
    """Return what must be the same for a resume to be exact."""
    own = {**training.environment, "precision": training.options.precision}
    shared = {"world_size": world.size, "parallel": training.options.parallel} if world.size > 1 else {"world_size": 1}
    return {**own, **shared}


def write_checkpoint(
    training: Training,
    world: World,
    optimizer: torch.optim.Optimizer,
    step: int,
    state: Mapping[str, Any],
) -> Path:
    """Write weights, optimizer, generators of all processes and `state`; all processes must call this.

    The files are those of one process: where each holds a part of every weight, the parts are put together.
    """
    model: nn.Module = training.model
    weights = gathered(trained_weights(model), world)
    moments = gathered(optimizer_tensors(model, optimizer), world)
    tensors, values = _generators(world)
    if not world.first:
        return training.folder / f"checkpoint-{step}"
    return checkpoint.save(
        training.folder,
        step,
        {"weights": weights, "optimizer": moments, "random": tensors},
        {
            "identity": dict(training.identity),
            "environment": environment_of(training, world),
            "random": values,
            **state,
        },
    )


def restore_generators(saved: Checkpoint, world: World, seed: int) -> None:
    """Put this process's generators back; one that was not there when they were saved gets a stream of its own."""
    if world.first:
        randomness.restore(saved.tensors["random"], saved.state["random"])
        return
    mine = {
        name.removeprefix(_prefix(world.rank)): tensor
        for name, tensor in saved.tensors["random"].items()
        if name.startswith(_prefix(world.rank))
    }
    others = saved.state["random"].get("others", [])
    if mine and len(others) >= world.rank:
        randomness.restore(mine, others[world.rank - 1])
    else:
        seed_process(world, seed + int(saved.state["progress"]["step"]))


def seed_process(world: World, seed: int) -> None:
    """Give each process but the first, which keeps its stream, a stream of its own: dropout must differ."""
    if not world.first:
        randomness.seed_all(seed + 1_000_003 * world.rank)


def _generators(world: World) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    (tensors, values), *others = all_values(world, randomness.capture())
    if not others:
        return tensors, values
    for rank, (theirs, _) in enumerate(others, start=1):
        tensors |= {f"{_prefix(rank)}{name}": tensor for name, tensor in theirs.items()}
    return tensors, {**values, "others": [said for _, said in others]}


def _prefix(rank: int) -> str:
    return f"rank{rank}."
