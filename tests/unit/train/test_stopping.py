"""Early stopping, and which checkpoint is the best."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import jobs

from engram.errors import Paused
from engram.train import checkpoint
from engram.train.loop import fit
from engram.train.progress import Progress
from engram.train.stopping import Stopping, observe

OPTIONS = replace(jobs.PLAN, precision="fp32", eval_every=1, early_stopping_patience=3)
BATCHES = list(jobs.Rows(12, seed=2, masked=0.0).batches())


def told(losses):
    """Return the loss of the jobs that says the next of `losses` whenever it is asked for validation."""
    left = iter(losses)

    def loss(model, batch):
        total, count = jobs.loss(model, batch)
        return (total if model.training else total * 0.0 + next(left)), (count if model.training else 1)

    return loss


def job(folder, losses, **more):
    return jobs.make_job(folder, OPTIONS, loss=told(losses), valid_batches=lambda: BATCHES[:1], **more)


def test_a_run_stops_when_the_loss_no_longer_improves(tmp_path):
    outcome = fit(job(tmp_path, [1.0, 0.75, 0.875, 0.5, 0.625, 0.5, 0.75]))
    assert (outcome.steps, outcome.stopped_early) == (6, True)
    assert (outcome.best_step, outcome.best_valid_loss, outcome.first_valid_loss) == (3, 0.5, 1.0)


def test_best_is_not_latest_when_the_loss_gets_worse(tmp_path):
    outcome = fit(job(tmp_path, [1.0, 0.8, 0.9, 0.9, 0.9]))
    latest = checkpoint.find(tmp_path)
    assert outcome.best == checkpoint.find(tmp_path, "best") == tmp_path / "checkpoint-1"
    assert latest == tmp_path / "checkpoint-4"
    one, other = checkpoint.load(outcome.best), checkpoint.load(latest)
    assert any(
        (one.tensors["weights"][name] != other.tensors["weights"][name]).any() for name in one.tensors["weights"]
    )


def test_a_run_that_never_improves_gives_its_last_checkpoint_and_says_step_0(tmp_path):
    outcome = fit(job(tmp_path, [1.0, 1.1, 1.2, 1.3]))
    assert outcome.best_step == 0
    assert outcome.best == checkpoint.find(tmp_path)


def test_what_early_stopping_has_seen_survives_a_resume(tmp_path):
    losses = [1.0, 0.8, 0.9, 0.85, 0.95, 0.7]
    asked = iter([False, False, True])
    with pytest.raises(Paused):
        fit(job(tmp_path, losses[:4], command=lambda: "pause" if next(asked) else "none"))
    outcome = fit(job(tmp_path, losses[4:]))
    assert (outcome.steps, outcome.stopped_early, outcome.best_step) == (4, True, 1)
    assert outcome.first_valid_loss == 1.0


def test_patience_zero_never_stops():
    state = Stopping(patience=0)
    for step in range(50):
        state = observe(state, 1.0 + step, step)
    assert not state.due
    assert state.best_step == 0


def test_an_equal_loss_is_no_improvement():
    state = observe(observe(Stopping(patience=1), 1.0, 0), 1.0, 1)
    assert state.due
    assert state.best_step == 0


def test_progress_survives_json_even_before_the_first_validation():
    progress = Progress(step=3, still=2, stopping=Stopping(patience=4), grad_norms=[0.1, 1 / 3])
    assert Progress.from_state(progress.to_state()) == progress
