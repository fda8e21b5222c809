"""8 × 1 = 1 × 8: how rows are cut into batches changes nothing that is learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support import jobs, tiny

from engram.schema.recipe import Adapter, Train
from engram.train.adapter import attach, trained_weights
from engram.train.loop import fit

OPTIONS = Train(
    learning_rate=1e-3,
    max_steps=6,
    precision="fp32",
    lr_scheduler_type="constant",
    weight_decay=0.01,
    max_grad_norm=1.0,
    seed=3,
)
CUTS = ((1, 8), (2, 4), (4, 2), (8, 1))
ROWS = jobs.Rows(29, seed=4, masked=0.4)


def mean_loss(model, batch):
    """The loss that must not be used: a mean per batch, so that batches of one target weigh as much as full ones."""
    total, count = jobs.loss(model, batch)
    return total / max(1, count), int(count > 0)


def weights(
    folder: Path, rows: int, times: int, adapter: Adapter, loss=jobs.loss, dtype=torch.float64, **more
) -> dict[str, torch.Tensor]:
    """Train and return the weights; in fp64, because Adam divides the rounding noise of fp32 by its own size."""
    options = replace(OPTIONS, per_device_train_batch_size=rows, gradient_accumulation_steps=times, **more)
    model = attach(tiny.bert(dropout=0.0, seed=1), adapter, "SEQ_CLS").to(dtype)
    fit(jobs.make_job(folder, options, rows=ROWS, model=model, loss=loss))
    return {name: tensor.clone() for name, tensor in trained_weights(model).items()}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one if one[name].is_floating_point())


@pytest.mark.parametrize("adapter", [Adapter(r=4, dropout=0.0), tiny.FULL], ids=["lora", "full"])
@pytest.mark.parametrize("grouped", [True, False], ids=["by length", "in order"])
def test_eight_batches_of_one_are_one_batch_of_eight(tmp_path, adapter, grouped):
    found = [
        weights(tmp_path / f"{rows}x{times}", rows, times, adapter, group_by_length=grouped) for rows, times in CUTS
    ]
    assert max(distance(found[0], other) for other in found[1:]) < 1e-6


def test_averaging_the_means_of_batches_would_not_be_equal_on_this_data(tmp_path):
    one = weights(tmp_path / "one", 2, 4, tiny.FULL, mean_loss)
    eight = weights(tmp_path / "eight", 8, 1, tiny.FULL, mean_loss)
    assert distance(one, eight) > 1e-4


def test_rows_of_different_lengths_and_masked_targets_stand_in_this_data():
    assert len(set(ROWS.lengths)) > 4
    assert 0 < ROWS.targets.count(jobs.MASKED) < len(ROWS.targets)


def test_token_budgets_keep_the_rows_of_a_step_together(tmp_path):
    budget = {"tokens_per_batch": 24, "group_by_length": True}
    one = weights(tmp_path / "one", 1, 4, tiny.FULL, **budget)
    again = weights(tmp_path / "again", 1, 1, tiny.FULL, **{**budget, "tokens_per_batch": 96})
    # The same budget per step; windows of sorting are cut by rows per step, so the rows of each step are the same too.
    assert distance(one, again) < 1e-6


def test_in_fp32_the_gradients_of_both_cuts_are_equal():
    gradients = []
    for batches in ([[row] for row in range(8)], [list(range(8))]):
        model = tiny.bert(seed=1)
        targets = 0
        for rows in batches:
            total, count = jobs.loss(model, ROWS.collate(rows))
            if count:
                total.backward()
            targets += count
        gradients.append({name: p.grad / targets for name, p in model.named_parameters() if p.grad is not None})
    assert distance(*gradients) < 1e-6


def test_in_fp32_the_weights_are_equal_wherever_there_is_a_gradient(tmp_path):
    one, eight = (
        weights(tmp_path / str(rows), rows, 8 // rows, tiny.FULL, dtype=torch.float32, learning_rate=1e-4)
        for rows in (1, 8)
    )
    # Softmax is blind to a bias of the keys: its gradient is zero but for noise, and Adam makes full steps of noise.
    moved = {name: tensor for name, tensor in one.items() if not name.endswith("self.key.bias")}
    assert len(one) - len(moved) == 2
    assert distance(moved, {name: eight[name] for name in moved}) < 1e-6
