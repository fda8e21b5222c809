"""The order of batches: nothing is lost, nothing overflows, and any epoch is known without the ones before."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.schema.recipe import Train
from engram.train.batches import count_steps, fill_batches, order_for_scoring, plan_epoch

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=120)
OPTIONS = st.builds(
    Train,
    per_device_train_batch_size=st.integers(1, 9),
    tokens_per_batch=st.none() | st.integers(8, 200),
    gradient_accumulation_steps=st.integers(1, 5),
    group_by_length=st.booleans(),
    seed=st.integers(0, 5),
)
EPOCHS = st.integers(0, 4)


def flat(plan: list[list[list[int]]]) -> list[int]:
    return [row for step in plan for batch in step for row in batch]


@given(LENGTHS, OPTIONS, EPOCHS)
def test_every_row_is_learned_from_once_an_epoch(lengths, options, epoch):
    assert sorted(flat(plan_epoch(lengths, options, epoch))) == list(range(len(lengths)))


@given(LENGTHS, OPTIONS, EPOCHS)
def test_no_batch_is_over_its_budget(lengths, options, epoch):
    for step in plan_epoch(lengths, options, epoch):
        assert step
        for batch in step:
            assert batch
            if options.tokens_per_batch is None:
                assert len(batch) <= options.per_device_train_batch_size
            else:
                cost = len(batch) * max(lengths[row] for row in batch)
                assert cost <= options.tokens_per_batch or len(batch) == 1


@given(LENGTHS, OPTIONS, EPOCHS)
def test_without_a_token_budget_a_step_holds_as_many_batches_as_were_asked(lengths, options, epoch):
    if options.tokens_per_batch is None:
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
    if options.tokens_per_batch is None:
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
