"""How the processes of a world share one model: each its own copy (ddp), or each a part of every weight (fsdp2).

Both are wrapped around the *loss*, not around the model: a kind may then call any part of its model, and gradients are
still averaged and weights still gathered. Names of parameters stay the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from engram.errors import UserError
from engram.train.distributed import Parallel, World
from engram.train.training import Batch

Loss = Callable[[Batch], tuple[torch.Tensor, int]]


class _Loss(nn.Module):
    """A model's loss as a module, so that the hooks of both ways surround all that it calls."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module, Batch], tuple[torch.Tensor, int]]) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Batch) -> tuple[torch.Tensor, int]:
        return self.loss(self.model, batch)


def share(
    model: nn.Module,
    loss: Callable[[nn.Module, Batch], tuple[torch.Tensor, int]],
    world: World,
    parallel: Parallel,
) -> Loss:
    """Return the loss of a batch in which the processes share the model.

    Gradients come out as the mean over processes. With fsdp2 the model's parameters are replaced by parts of
    themselves in place: an optimizer is made after this. Each process must give the same model.
    """
    if world.size == 1:
        return lambda batch: loss(model, batch)
    module = _Loss(model, loss)
    if parallel == "fsdp2":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(world.device.type, (world.size,))
        for block in _blocks(model):
            fully_shard(block, mesh=mesh)
        fully_shard(module, mesh=mesh)
        return module
    from torch.nn.parallel import DistributedDataParallel

    device = [world.device] if world.device.type == "cuda" else None
    # Some weights take no part in some losses (the pooler of an encoder that tags tokens).
    return DistributedDataParallel(module, device_ids=device, forward_sync_buffers=False, find_unused_parameters=True)


def quiet_until_last(shared: Loss, *, last: bool) -> AbstractContextManager[Any]:
    """Return the context of one batch of a step: copies talk to each other in the last one only."""
    no_sync = getattr(shared, "no_sync", None)
    return nullcontext() if last or no_sync is None else no_sync()


def rest(shared: Loss) -> None:
    """Put weights that a pass without gradients has left whole back into parts; what is read of them then is true."""
    for module in shared.modules() if isinstance(shared, nn.Module) else ():
        reshard: Any = getattr(module, "reshard", None)
        if reshard is not None:
            reshard()


def require_supported(parallel: Parallel, precision: str, world: World) -> None:
    """Refuse what the ways of sharing do not offer.

    Raises UserError for fp16 with fsdp2: its loss scale would differ from process to process.
    """
    if world.size > 1 and parallel == "fsdp2" and precision == "fp16":
        raise UserError("fsdp2 is not offered with fp16.", remedy="Write train: {precision: bf16}, or parallel: ddp.")


def gathered(tensors: Mapping[str, torch.Tensor], world: World) -> dict[str, torch.Tensor]:
    """Return whole tensors on the first process, nothing on the others; all of them must call this."""
    found = {}
    for name, tensor in tensors.items():
        full = whole(tensor)
        if world.first:
            found[name] = full.cpu() if is_part(tensor) else full
    return found


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of which each process may hold a part; all of them must call this."""
    full: torch.Tensor = tensor.full_tensor() if is_part(tensor) else tensor  # type: ignore[attr-defined]
    return full


def is_part(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor is spread over processes; the module that knows is slow to import and rarely needed."""
    return hasattr(tensor, "device_mesh")


def parted_like(tensor: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return this process's part of a whole tensor, where `own` is a part; else the tensor."""
    if not is_part(own) or tensor.ndim == 0:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    there: Any = own
    return distribute_tensor(tensor.to(own.device), there.device_mesh, there.placements, src_data_rank=None)


def _blocks(model: Any) -> list[nn.Module]:
    """Return the repeated layers of a transformers model, which are gathered one at a time."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    names = set(getattr(inner, "_no_split_modules", None) or ())
    return [
        block
        for stack in inner.modules()
        if isinstance(stack, nn.ModuleList)
        for block in stack
        if type(block).__name__ in names
    ]
