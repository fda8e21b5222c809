"""One optimizer step: the gradient of the mean over targets, clipped, at the scheduled rate."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support import jobs, tiny

from engram.train import checkpoint
from engram.train.batches import plan_epoch
from engram.train.loop import fit
from engram.train.schedule import learning_rate_at

ROWS = jobs.Rows(24, seed=4, masked=0.4)
ONE_STEP = replace(jobs.PLAN, precision="fp32", max_steps=1, gradient_accumulation_steps=4)
BETA = 0.9  # AdamW's first moment after one step is (1 - BETA) × gradient


def gradient_of_the_mean() -> dict[str, torch.Tensor]:
    """Return the gradient of the mean loss over all targets of the first step, computed in one batch."""
    rows = [row for batch in plan_epoch(ROWS.lengths, ONE_STEP, 0)[0] for row in batch]
    model = tiny.bert(seed=1)
    total, count = jobs.loss(model, ROWS.collate(rows))
    assert 0 < count < len(rows)
    (total / count).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def step(folder, limit: float) -> tuple[dict, dict[str, torch.Tensor]]:
    """Do one step and return its metric event and the gradient that the optimizer was given."""
    said = []
    options = replace(ONE_STEP, max_grad_norm=limit)
    keep = lambda kind, body: said.append(body) if "loss" in body else None  # noqa: E731
    fit(jobs.make_job(folder, options, rows=ROWS, model=tiny.bert(seed=1), emit=keep))
    moments = checkpoint.load(checkpoint.find(folder)).tensors["optimizer"]
    given = {key.removesuffix("/exp_avg"): t / (1 - BETA) for key, t in moments.items() if key.endswith("/exp_avg")}
    return said[0], given


def norm(gradients: dict[str, torch.Tensor]) -> float:
    return float(torch.cat([g.flatten() for g in gradients.values()]).norm())


def test_the_gradient_is_that_of_the_mean_over_targets(tmp_path):
    wanted = gradient_of_the_mean()
    event, given = step(tmp_path, limit=1e9)
    assert event["grad_norm"] == pytest.approx(norm(wanted), rel=1e-4)
    assert given.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(given[name], gradient, atol=1e-6, rtol=1e-4)


def test_a_gradient_over_the_limit_is_shortened_and_keeps_its_direction(tmp_path):
    wanted = gradient_of_the_mean()
    limit = norm(wanted) / 4
    event, given = step(tmp_path, limit)
    assert event["grad_norm"] == pytest.approx(4 * limit, rel=1e-4)  # what is reported is the norm before
    assert norm(given) == pytest.approx(limit, rel=1e-3)
    for name, gradient in wanted.items():
        torch.testing.assert_close(given[name], gradient / 4, atol=1e-6, rtol=1e-3)


def test_what_is_counted_are_real_tokens_and_targets(tmp_path):
    options = replace(ONE_STEP, max_steps=None, num_train_epochs=2)
    said = []
    outcome = fit(jobs.make_job(tmp_path, options, rows=ROWS, emit=lambda kind, body: said.append(body)))
    assert outcome.tokens == 2 * sum(ROWS.lengths) == sum(body.get("tokens", 0) for body in said)
    assert outcome.targets == 2 * sum(target != jobs.MASKED for target in ROWS.targets)
    rates = [body["lr"] for body in said if "lr" in body]
    assert rates == [learning_rate_at(i, outcome.steps, options) for i in range(outcome.steps)]
    assert len(outcome.grad_norms) == outcome.steps == len(rates)
