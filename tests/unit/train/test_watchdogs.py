"""A run that diverges or learns nothing ends at once, says why, and poisons no checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support import jobs, tiny

from engram.errors import Diverged, LearnsNothing
from engram.train import checkpoint
from engram.train.loop import fit
from engram.train.watchdog import STILL_STEPS, Watchdog

OPTIONS = replace(jobs.PLAN, precision="fp32", gradient_accumulation_steps=1)


def breaking(at_step: int, how):
    """Return the loss of the jobs that is broken in one training step (the model is in training mode then)."""
    seen = {"steps": 0}

    def loss(model, batch):
        total, count = jobs.loss(model, batch)
        seen["steps"] += model.training
        return (how(model, total) if model.training and seen["steps"] == at_step else total), count

    return loss


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_loss_that_is_no_number_ends_the_run_before_the_weights_take_it(tmp_path, bad, precision):
    job = jobs.make_job(
        tmp_path, replace(OPTIONS, precision=precision), loss=breaking(8, lambda model, total: total * bad)
    )
    with pytest.raises(Diverged, match=f"loss is {bad} at step 8"):
        fit(job)
    assert all(bool(torch.isfinite(p).all()) for p in job.model.parameters())
    saved = checkpoint.load(checkpoint.find(tmp_path))
    assert saved.state["progress"]["step"] == 6
    for group in ("weights", "optimizer"):
        assert all(bool(torch.isfinite(tensor).all()) for tensor in saved.tensors[group].values())


class _Exploding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, total):
        return total.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("inf")


def test_gradients_that_are_no_numbers_under_a_good_loss_end_the_run(tmp_path):
    job = jobs.make_job(tmp_path, OPTIONS, loss=breaking(3, lambda model, total: _Exploding.apply(total)))
    with pytest.raises(Diverged, match=r"gradient norm is (nan|inf) at step 3"):
        fit(job)
    assert all(bool(torch.isfinite(p).all()) for p in job.model.parameters())


def test_a_validation_loss_that_is_no_number_ends_the_run(tmp_path):
    def loss(model, batch):
        total, count = jobs.loss(model, batch)
        return (total if model.training else total * float("nan")), count

    with pytest.raises(Diverged, match="validation loss is nan after step 0"):
        fit(jobs.make_job(tmp_path, OPTIONS, loss=loss))


def test_rows_whose_labels_are_all_masked_are_refused(tmp_path):
    with pytest.raises(LearnsNothing, match="Step 1 has no trainable target") as caught:
        fit(jobs.make_job(tmp_path, OPTIONS, rows=jobs.Rows(12, seed=1, masked=1.0)))
    assert "labels" in caught.value.remedy


def test_validation_rows_without_a_target_are_refused(tmp_path):
    with pytest.raises(LearnsNothing, match="No validation row"):
        fit(jobs.make_job(tmp_path, OPTIONS, valid=jobs.Rows(6, seed=1, masked=1.0)))


def test_gradients_of_zero_end_the_run_after_so_many_steps(tmp_path):
    said = []

    def loss(model, batch):
        total, count = jobs.loss(model, batch)
        return total * 0.0 + 1.0, count

    with pytest.raises(LearnsNothing, match=f"zero for {STILL_STEPS} steps in a row, up to step {STILL_STEPS}"):
        fit(jobs.make_job(tmp_path, OPTIONS, loss=loss, emit=lambda kind, body: said.append(body)))
    assert sum("loss" in body for body in said) == STILL_STEPS - 1


def test_still_steps_are_counted_on_over_a_resume(tmp_path):
    def still(model, batch):
        total, count = jobs.loss(model, batch)
        return total * 0.0 + 1.0, count

    with pytest.raises(Exception, match="Paused"):
        fit(
            jobs.make_job(
                tmp_path,
                OPTIONS,
                loss=still,
                command=lambda: "pause" if (tmp_path / "latest.json").exists() else "none",
            )
        )
    assert checkpoint.load(checkpoint.find(tmp_path)).state["progress"]["still"] == 3
    with pytest.raises(LearnsNothing, match=f"up to step {STILL_STEPS}"):
        fit(jobs.make_job(tmp_path, OPTIONS, loss=still))


def test_one_moving_step_starts_the_count_anew():
    watchdog = Watchdog()
    for step in range(STILL_STEPS - 1):
        watchdog.check(step, 1.0, 0.0, 4)
    watchdog.check(STILL_STEPS, 1.0, 1e-30, 4)
    assert watchdog.still == 0


def test_a_frozen_model_is_refused(tmp_path):
    model = tiny.bert().requires_grad_(False)
    with pytest.raises(LearnsNothing, match="no trainable parameter"):
        fit(jobs.make_job(tmp_path, OPTIONS, model=model))


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(LearnsNothing, match="no training row"):
        fit(jobs.make_job(tmp_path, OPTIONS, lengths=[]))
