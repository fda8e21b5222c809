"""Several processes, one training: who they are, how they add up and agree. One process is a world of one.

``torchrun --nproc-per-node N`` starts the processes and tells each its place by RANK, WORLD_SIZE and LOCAL_RANK; they
talk over gloo on CPUs and nccl on GPUs. Only the first one writes, reports and listens to commands; what it decides
the others are told between two steps.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist

from engram.errors import CheckpointError, UserError

T = TypeVar("T")
Parallel = Literal["none", "ddp", "fsdp2"]


@dataclass(frozen=True)
class World:
    """One process among `size`; rank 0 is the first."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Tell whether this process is the one that writes."""
        return self.rank == 0


@contextmanager
def joined(parallel: Parallel, device: torch.device, environment: Mapping[str, str] = os.environ) -> Iterator[World]:
    """Join the processes that torchrun started, or be a world of one where it started none.

    Raises UserError when there are several processes and the recipe says that none share the work.
    """
    size = int(environment.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=device)
        return
    if parallel == "none":
        raise UserError(
            f"There are {size} processes, and train.parallel is none.",
            remedy="Write train: {parallel: ddp} or {parallel: fsdp2}, or start one process.",
        )
    if device.type == "cuda":
        torch.cuda.set_device(device)
    own = not dist.is_initialized()
    if own:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size(), device)
    finally:
        if own:
            dist.destroy_process_group()


def add_up(world: World, *numbers: float) -> list[float]:
    """Return the sums of each number over all processes, in 64 bits."""
    if world.size == 1:
        return list(numbers)
    sums = torch.tensor(numbers, dtype=torch.float64, device=world.device)
    dist.all_reduce(sums)
    return [float(number) for number in sums.tolist()]


def heed(world: World, word: str, words: Sequence[str]) -> str:
    """Return what the first process says, on all of them."""
    if world.size == 1:
        return word
    place = torch.tensor(words.index(word), device=world.device)
    dist.broadcast(place, src=0)
    return words[int(place)]


def wait(world: World) -> None:
    """Wait until all processes are here."""
    if world.size > 1:
        dist.barrier()


def all_values(world: World, value: T) -> list[T]:
    """Return the value of each process, in the order of their ranks, on all of them."""
    if world.size == 1:
        return [value]
    found: list[Any] = [None] * world.size
    dist.all_gather_object(found, value)
    return found


def require_same_checkpoint(world: World, digest: str) -> None:
    """Make sure that all processes resume from one checkpoint.

    Raises CheckpointError where they see different ones.
    """
    if len(set(all_values(world, digest))) > 1:
        raise CheckpointError(
            "The processes do not see the same checkpoint.",
            remedy="The folder of the run must be shared by all machines that train.",
        )


def deal(world: World, batches: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield this process's share, equally many on each: (batch, whether it counts).

    Where the last ones do not go round, a process without a batch gets the first of them once more, and it does not
    count.

    >>> [list(deal(World(rank, 2), "abc")) for rank in (0, 1)]
    [[('a', True), ('c', True)], [('b', True), ('c', False)]]
    """
    left = iter(batches)
    while group := list(islice(left, world.size)):
        here = world.rank < len(group)
        yield (group[world.rank] if here else group[0]), here
