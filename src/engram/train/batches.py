"""The order of batches: seeded, aware of lengths, and known for any step without replaying the ones before."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

import numpy as np

from engram.schema.recipe import Train

# Rows are sorted by length inside windows of this many steps: close to no padding, and still well mixed.
WINDOW_STEPS = 50
# A packed step is filled to this share of its batches, or cutting it would often leave a row over for one batch more.
SHARE = 0.97
# A packed step that is filled less than this waits for more rows.
FULL = 0.98


def plan_epoch(
    lengths: Sequence[int], options: Train, epoch: int, batches_per_step: int | None = None
) -> list[list[list[int]]]:
    """Return one epoch as optimizer steps, each a list of batches of row indices; every row stands in one batch.

    A pure function of lengths, options and epoch. Steps are dealt first and then cut into batches, so 8 batches of 1
    and 1 batch of 8 hold the same rows. With ``tokens_per_batch`` a batch is filled until rows × longest row would pass
    the budget (a longer row gets a batch of its own). With ``group_by_length`` rows of like length share a step.
    With ``packing`` a batch is filled to the budget with rows of any length (best fit, longest first); rows of equal
    length stand together in it.
    batches_per_step: ``gradient_accumulation_steps`` when absent, times the processes when there are several.

    >>> plan_epoch([5, 1, 5, 1], Train(per_device_train_batch_size=2, seed=0), epoch=0)
    [[[2, 0]], [[1, 3]]]
    >>> plan_epoch([5, 1, 4, 2], Train(tokens_per_batch=7, packing=True, seed=0), epoch=0)
    [[[2, 3]], [[0, 1]]]
    """
    random = np.random.Generator(np.random.PCG64([options.seed, epoch]))
    order = random.permutation(len(lengths))
    times = batches_per_step or options.gradient_accumulation_steps
    rows, tokens = _budget(options)
    if options.packing:
        steps = _pack_in_windows(order, lengths, max(1, int((tokens or 1) * times * SHARE)))
        return [best_fit(steps[i], lengths, tokens or 1) for i in random.permutation(len(steps))]
    if options.group_by_length:
        order = _sort_in_windows(order, np.asarray(lengths), _rows_per_batch(lengths, options) * times)
    steps = fill_batches(order.tolist(), lengths, rows * times, None if tokens is None else tokens * times)
    if options.group_by_length:
        steps = [steps[i] for i in random.permutation(len(steps))]
    return [fill_batches(step, lengths, rows, tokens) for step in steps]


def best_fit(rows: Sequence[int], lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Put rows into as few bins of `capacity` tokens as best fit does, longest first (Johnson 1973).

    At most 11/9 of the fewest possible bins, and one more. A row longer than a bin gets one of its own.

    >>> best_fit([0, 1, 2, 3], [6, 3, 4, 7], capacity=10)
    [[3, 1], [0, 2]]
    """
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (tokens left, bin), sorted
    for row in sorted(rows, key=lambda row: -lengths[row]):
        place = bisect.bisect_left(free, (lengths[row], -1))
        if place == len(free):
            left, chosen = capacity, len(bins)
            bins.append([])
        else:
            left, chosen = free.pop(place)
        bins[chosen].append(row)
        if left > lengths[row]:
            bisect.insort(free, (left - lengths[row], chosen))
    return bins


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


def count_steps(lengths: Sequence[int], options: Train, batches_per_step: int | None = None) -> int:
    """Return how many optimizer steps the whole training takes; `batches_per_step` as for `plan_epoch`.

    >>> count_steps([3] * 10, Train(per_device_train_batch_size=4, num_train_epochs=1.5))
    5
    """
    if options.max_steps is not None:
        return options.max_steps
    whole, part = divmod(options.num_train_epochs, 1)
    steps = 0
    for epoch in range(math.ceil(options.num_train_epochs)):
        in_epoch = len(plan_epoch(lengths, options, epoch, batches_per_step))
        steps += in_epoch if epoch < whole else math.ceil(in_epoch * part)
    return steps


def _budget(options: Train) -> tuple[int, int | None]:
    rows, tokens = options.per_device_train_batch_size, options.tokens_per_batch
    return rows, rows * options.max_seq_length if options.packing and tokens is None else tokens


def _rows_per_batch(lengths: Sequence[int], options: Train) -> int:
    rows, tokens = _budget(options)
    return rows if tokens is None else max(1, int(tokens / max(1.0, float(np.mean(lengths)))))


def _sort_in_windows(order: np.ndarray, lengths: np.ndarray, rows_per_step: int) -> np.ndarray:
    window = rows_per_step * WINDOW_STEPS
    pieces = [order[i : i + window] for i in range(0, len(order), window)]
    return np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces]) if pieces else order


def _pack_in_windows(order: np.ndarray, lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Fill steps from windows of rows; the rows of steps that stay unfilled wait for the next window."""
    window = capacity * WINDOW_STEPS
    steps: list[list[int]] = []
    waiting: list[int] = []
    tokens = 0
    for row in order.tolist():
        waiting.append(row)
        tokens += lengths[row]
        if tokens >= window:
            found = best_fit(waiting, lengths, capacity)
            full = [rows for rows in found if sum(lengths[row] for row in rows) >= FULL * capacity]
            rest = [row for rows in found if rows not in full for row in rows]
            tokens = sum(lengths[row] for row in rest)
            if tokens > window // 4:  # lengths that never fill a step together; waiting longer would not help
                full, rest, tokens = found, [], 0
            steps, waiting = steps + full, rest
    return steps + best_fit(waiting, lengths, capacity)
