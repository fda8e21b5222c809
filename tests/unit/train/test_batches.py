"""The order of batches: nothing is lost, nothing overflows, and any epoch is known without the ones before."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.schema.recipe import Train
from engram.train.batches import WINDOW_STEPS, best_fit, count_steps, fill_batches, order_for_scoring, plan_epoch

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=120)
OPTIONS = st.builds(
    Train,
    per_device_train_batch_size=st.integers(1, 9),
    tokens_per_batch=st.none() | st.integers(8, 200),
    gradient_accumulation_steps=st.integers(1, 5),
    group_by_length=st.booleans(),
    packing=st.booleans(),
    max_seq_length=st.integers(10, 60),
    seed=st.integers(0, 5),
)
EPOCHS = st.integers(0, 4)


def flat(plan: list[list[list[int]]]) -> list[int]:
    return [row for step in plan for batch in step for row in batch]


def capacity(options: Train) -> int:
    """Return how many tokens a packed batch may have."""
    return options.tokens_per_batch or options.per_device_train_batch_size * options.max_seq_length


@given(LENGTHS, OPTIONS, EPOCHS)
def test_every_row_is_learned_from_once_an_epoch(lengths, options, epoch):
    assert sorted(flat(plan_epoch(lengths, options, epoch))) == list(range(len(lengths)))


@given(LENGTHS, OPTIONS, EPOCHS)
def test_no_batch_is_over_its_budget(lengths, options, epoch):
    for step in plan_epoch(lengths, options, epoch):
        assert step
        for batch in step:
            assert batch
            if options.packing:
                assert sum(lengths[row] for row in batch) <= capacity(options) or len(batch) == 1
            elif options.tokens_per_batch is None:
                assert len(batch) <= options.per_device_train_batch_size
            else:
                cost = len(batch) * max(lengths[row] for row in batch)
                assert cost <= options.tokens_per_batch or len(batch) == 1


@given(LENGTHS, OPTIONS, EPOCHS)
def test_without_a_token_budget_a_step_holds_as_many_batches_as_were_asked(lengths, options, epoch):
    if options.tokens_per_batch is None and not options.packing:
        plan = plan_epoch(lengths, options, epoch)
        sizes = sorted(sum(map(len, step)) for step in plan)
        whole = options.per_device_train_batch_size * options.gradient_accumulation_steps
        assert len(plan) == math.ceil(len(lengths) / whole)
        assert all(size == whole for size in sizes[1:])
        assert all(len(step) <= options.gradient_accumulation_steps for step in plan)


@given(LENGTHS, OPTIONS)
def test_any_epoch_can_be_planned_at_once_and_is_always_the_same(lengths, options):
    in_turn = [plan_epoch(lengths, options, epoch) for epoch in range(3)]
    assert plan_epoch(lengths, options, 2) == in_turn[2]
    assert plan_epoch(lengths, options, 0) == in_turn[0]


def test_epochs_and_seeds_have_orders_of_their_own():
    lengths = [1 + i % 7 for i in range(64)]
    orders = {tuple(flat(plan_epoch(lengths, Train(seed=seed), epoch))) for seed in (1, 2) for epoch in range(3)}
    assert len(orders) == 6


@given(LENGTHS, OPTIONS)
def test_a_step_holds_the_same_rows_however_it_is_cut(lengths, options):
    if options.tokens_per_batch is None and not options.packing:
        rows, times = options.per_device_train_batch_size, options.gradient_accumulation_steps
        swapped = Train(
            per_device_train_batch_size=times,
            gradient_accumulation_steps=rows,
            group_by_length=options.group_by_length,
            seed=options.seed,
        )
        one, other = plan_epoch(lengths, options, 0), plan_epoch(lengths, swapped, 0)
        assert [flat([step]) for step in one] == [flat([step]) for step in other]


def test_rows_of_like_length_share_a_batch():
    lengths = [1 + (17 * i) % 50 for i in range(400)]

    def padding(grouped: bool) -> int:
        plan = plan_epoch(lengths, Train(per_device_train_batch_size=8, group_by_length=grouped), 0)
        return sum(len(b) * max(lengths[r] for r in b) - sum(lengths[r] for r in b) for step in plan for b in step)

    assert padding(True) < padding(False) / 5


@given(LENGTHS, st.integers(1, 300))
def test_scoring_takes_each_row_once_longest_first(lengths, tokens):
    batches = order_for_scoring(lengths, tokens)
    rows = [row for batch in batches for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths, reverse=True)
    assert all(len(b) == 1 or len(b) * max(lengths[r] for r in b) <= tokens for b in batches)


def test_nothing_to_score_gives_no_batch():
    assert order_for_scoring([], 10) == []
    assert fill_batches([], [], 4, None) == []


@settings(max_examples=30)
@given(LENGTHS, OPTIONS, st.integers(1, 3))
def test_the_steps_of_a_training_are_those_of_its_epochs(lengths, options, epochs):
    options = Train(**{**vars(options), "num_train_epochs": float(epochs)})
    assert count_steps(lengths, options) == sum(len(plan_epoch(lengths, options, e)) for e in range(epochs))


@pytest.mark.parametrize(("epochs", "steps"), [(0.1, 1), (0.5, 5), (1.0, 10), (1.55, 16)])
def test_a_part_of_an_epoch_is_rounded_up(epochs, steps):
    options = Train(per_device_train_batch_size=1, num_train_epochs=epochs)
    assert count_steps([3] * 10, options) == steps


def test_max_steps_is_taken_at_its_word():
    assert count_steps([3] * 10, Train(max_steps=77, num_train_epochs=1)) == 77


PACKED = Train(packing=True, tokens_per_batch=2048, gradient_accumulation_steps=4)


def texts(count: int) -> list[int]:
    """Return lengths as those of texts: most of them short, some of them long."""
    random = np.random.Generator(np.random.PCG64(1))
    return np.clip(random.lognormal(3.2, 0.7, count), 4, 400).astype(int).tolist()


def test_packed_sequences_are_nearly_full():
    lengths = texts(12000)
    plan = plan_epoch(lengths, PACKED, 0)
    assert len(plan) <= math.ceil(1.05 * sum(lengths) / (2048 * 4))
    assert sum(len(step) == 4 for step in plan) >= len(plan) - 2
    batches = [sum(lengths[row] for row in batch) for step in plan for batch in step]
    assert sum(batches) / (2048 * len(batches)) > 0.95


def test_steps_of_packed_rows_have_about_as_many_tokens():
    lengths = texts(12000)
    tokens = sorted(sum(lengths[row] for batch in step for row in batch) for step in plan_epoch(lengths, PACKED, 0))
    assert tokens[2] > 0.95 * 2048 * 4  # but for the last ones


def test_rows_of_equal_length_stand_together_in_a_packed_sequence():
    lengths = texts(300)
    for step in plan_epoch(lengths, PACKED, 0):
        for batch in step:
            found = [lengths[row] for row in batch]
            assert found == sorted(found, reverse=True)


@given(LENGTHS, st.integers(10, 90), st.sampled_from([(1, 8), (2, 4), (8, 1)]), EPOCHS)
def test_a_packed_step_holds_the_same_rows_however_it_is_cut(lengths, tokens, cut, epoch):
    parts, times = cut
    whole = Train(packing=True, tokens_per_batch=8 * tokens)
    pieces = Train(packing=True, tokens_per_batch=parts * tokens, gradient_accumulation_steps=times)
    one, other = plan_epoch(lengths, whole, epoch), plan_epoch(lengths, pieces, epoch)
    assert [sorted(flat([step])) for step in one] == [sorted(flat([step])) for step in other]


@given(LENGTHS, OPTIONS, EPOCHS, st.integers(1, 4))
def test_more_processes_are_as_many_times_the_accumulation(lengths, options, epoch, processes):
    times = options.gradient_accumulation_steps * processes
    alone = replace(options, gradient_accumulation_steps=times)
    assert plan_epoch(lengths, options, epoch, times) == plan_epoch(lengths, alone, epoch)
    assert count_steps(lengths, options, times) == count_steps(lengths, alone)


def test_rows_that_never_fill_a_step_do_not_make_planning_slow():
    lengths = [60] * (WINDOW_STEPS * 40)
    plan = plan_epoch(lengths, Train(packing=True, tokens_per_batch=100), 0)
    assert [len(step) for step in plan] == [1] * len(lengths)


@given(st.lists(st.integers(1, 50), max_size=80), st.integers(1, 60))
def test_bins_are_few_and_none_is_over_full(lengths, size):
    bins = best_fit(range(len(lengths)), lengths, size)
    assert sorted(row for rows in bins for row in rows) == list(range(len(lengths)))
    filled = [sum(lengths[row] for row in rows) for rows in bins]
    assert all(total <= size or len(rows) == 1 for total, rows in zip(filled, bins, strict=True))
    fitting = [length for length in lengths if length <= size]
    assert len(bins) - (len(lengths) - len(fitting)) <= 11 / 9 * max(1, math.ceil(2 * sum(fitting) / size)) + 1
    # No two bins could have been one.
    assert sum(total * 2 <= size for total in filled) <= 1
