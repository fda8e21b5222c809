"""The order of batches: seeded, aware of lengths, and known for any step without replaying the ones before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engram.schema.recipe import Train

# Rows are sorted by length inside windows of this many steps: close to no padding, and still well mixed.
WINDOW_STEPS = 50


def plan_epoch(lengths: Sequence[int], options: Train, epoch: int) -> list[list[list[int]]]:
    """Return one epoch as optimizer steps, each a list of batches of row indices; every row stands in one batch.

    A pure function of lengths, options and epoch. Steps are dealt first and then cut into
    ``gradient_accumulation_steps`` batches, so 8 batches of 1 and 1 batch of 8 hold the same rows. With
    ``tokens_per_batch`` a batch is filled until rows × longest row would pass the budget (a longer row gets a batch of
    its own). With ``group_by_length`` rows of like length share a step.

    >>> plan_epoch([5, 1, 5, 1], Train(per_device_train_batch_size=2, seed=0), epoch=0)
    [[[2, 0]], [[1, 3]]]
    """
    random = np.random.Generator(np.random.PCG64([options.seed, epoch]))
    order = random.permutation(len(lengths))
    rows, tokens = _budget(options)
    if options.group_by_length:
        order = _sort_in_windows(order, np.asarray(lengths), _rows_per_step(lengths, options))
    times = options.gradient_accumulation_steps
    steps = fill_batches(order.tolist(), lengths, rows * times, None if tokens is None else tokens * times)
    if options.group_by_length:
        steps = [steps[i] for i in random.permutation(len(steps))]
    return [fill_batches(step, lengths, rows, tokens) for step in steps]


def fill_batches(order: Sequence[int], lengths: Sequence[int], rows: int, tokens: int | None) -> list[list[int]]:
    """Cut a row order into batches of at most `tokens` (rows × longest row), or of `rows` rows when that is None.

    >>> fill_batches([0, 1, 2], [4, 4, 9], rows=1, tokens=10)
    [[0, 1], [2]]
    """
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for row in order:
        grown = max(longest, lengths[row])
        full = len(current) >= rows if tokens is None else grown * (len(current) + 1) > tokens
        if current and full:
            batches.append(current)
            current, grown = [], lengths[row]
        current.append(row)
        longest = grown
    if current:
        batches.append(current)
    return batches


def order_for_scoring(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Return batches for evaluation: longest rows first, filled up to a token budget, no randomness.

    >>> order_for_scoring([1, 3, 2], tokens=4)
    [[1], [2, 0]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    return fill_batches(order, lengths, rows=1, tokens=tokens)


def count_steps(lengths: Sequence[int], options: Train) -> int:
    """Return how many optimizer steps the whole training takes.

    >>> count_steps([3] * 10, Train(per_device_train_batch_size=4, num_train_epochs=1.5))
    5
    """
    if options.max_steps is not None:
        return options.max_steps
    whole, part = divmod(options.num_train_epochs, 1)
    steps = 0
    for epoch in range(math.ceil(options.num_train_epochs)):
        in_epoch = len(plan_epoch(lengths, options, epoch))
        steps += in_epoch if epoch < whole else math.ceil(in_epoch * part)
    return steps


def _budget(options: Train) -> tuple[int, int | None]:
    return options.per_device_train_batch_size, options.tokens_per_batch


def _rows_per_step(lengths: Sequence[int], options: Train) -> int:
    rows, tokens = _budget(options)
    if tokens is not None:
        rows = max(1, int(tokens / max(1.0, float(np.mean(lengths)))))
    return rows * options.gradient_accumulation_steps


def _sort_in_windows(order: np.ndarray, lengths: np.ndarray, rows_per_step: int) -> np.ndarray:
    window = rows_per_step * WINDOW_STEPS
    pieces = [order[i : i + window] for i in range(0, len(order), window)]
    return np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces]) if pieces else order
