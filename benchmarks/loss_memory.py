"""The contestants of R8, one a process: the loss of a language model and its gradients, by two ways.

Called as ``loss_memory.py ours|full PLAN``, where PLAN is the JSON of a `Plan`. Only the loss, forward and backward,
is timed. Its memory is how far the process's greatest resident memory rises while it runs.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from race import report_result

OURS, FULL = "ours", "full"
SEED = 8
PROBES = 8
WARM_ROWS = 16
# Resident memory is told in kibibytes by Linux and in bytes by macOS.
UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Plan:
    """What every contestant does: the loss of `tokens` hidden states of some width over a vocabulary.

    precision: ``bf16`` computes under autocast, as training does; everything given is fp32.
    """

    tokens: int
    width: int
    vocabulary: int
    precision: str
    threads: int


Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def loss_ours(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the summed loss as our training computes it: logits for some rows at a time."""
    from engram.train.cross_entropy import linear_cross_entropy

    return linear_cross_entropy(hidden, weight, targets)[0]


def loss_full(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the summed loss from logits of the whole vocabulary for all rows at once."""
    return torch.nn.functional.cross_entropy(torch.nn.functional.linear(hidden, weight), targets, reduction="sum")


LOSSES: dict[str, Loss] = {OURS: loss_ours, FULL: loss_full}


def inputs(plan: Plan) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return hidden states (tokens, width), output weights (vocabulary, width) and targets (tokens,), all drawn."""
    random = torch.Generator().manual_seed(SEED)
    hidden = torch.randn(plan.tokens, plan.width, generator=random)
    weight = torch.randn(plan.vocabulary, plan.width, generator=random).mul_(plan.width**-0.5)
    targets = torch.randint(plan.vocabulary, (plan.tokens,), generator=random)
    return hidden.requires_grad_(), weight.requires_grad_(), targets


def learn(loss: Loss, plan: Plan, *given: torch.Tensor) -> float:
    """Return the loss; its gradients are left at the hidden states and the weights."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.precision == "bf16"):
        total = loss(*given)
    total.backward()
    return total.item()


def peak_bytes() -> int:
    """Return the greatest resident memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def settle(loss: Loss, plan: Plan, *given: torch.Tensor) -> int:
    """Return the process's greatest memory when all that any contestant must hold has been in place at once.

    That is: the code, warmed up on a few rows; the inputs; and a gradient for each of them, written to and given back,
    so that the gradients of the loss fit where these were. What rises above it is the loss's own.
    """
    hidden, weight, targets = given
    few = weight[: plan.vocabulary // 16].detach().requires_grad_()
    learn(loss, plan, hidden[:WARM_ROWS].detach().requires_grad_(), few, targets[:WARM_ROWS] % len(few))
    buffers = [torch.ones_like(hidden), torch.ones_like(weight)]
    peak = peak_bytes()
    del buffers
    return peak


def probe(gradient: torch.Tensor) -> list[float]:
    """Return a gradient's length, and its sums under drawn signs as shares of that length.

    Two gradients that differ by some share of their length differ by about as much in every such sum.
    """
    random = torch.Generator().manual_seed(SEED)
    length = float(gradient.double().norm())
    sums = []
    for _ in range(PROBES):
        total = 0.0
        for row in gradient.split(4096):
            signs = torch.randint(2, row.shape, generator=random, dtype=torch.int8).mul_(2).sub_(1)
            total += float((row.double() * signs).sum())
        sums.append(total / length)
    return [length, *sums]


def main() -> None:
    """Run the loss once as one contestant and report times, memory, loss and what the gradients are."""
    name, plan = sys.argv[1], Plan(**json.loads(sys.argv[2]))
    torch.set_num_threads(plan.threads)
    given = inputs(plan)
    baseline = settle(LOSSES[name], plan, *given)
    cpu, wall = time.process_time(), time.perf_counter()
    loss = learn(LOSSES[name], plan, *given)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = peak_bytes()
    hidden, weight = (probe(tensor.grad) for tensor in given[:2] if tensor.grad is not None)
    report_result(
        cpu_s=cpu, wall_s=wall, baseline=baseline, memory=peak - baseline, loss=loss, hidden=hidden, weight=weight
    )


if __name__ == "__main__":
    main()
