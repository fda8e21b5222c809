"""Mixed precision computes in 16 bits, keeps weights in 32, and fp16 scales its loss and resumes exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support import jobs, tiny

from engram.errors import Paused
from engram.train import checkpoint
from engram.train import precision as precisions
from engram.train.loop import fit
from engram.train.precision import autocast, make_scaler, multiplies_in_bf16, settle

CPU = torch.device("cpu")
FP16 = replace(jobs.PLAN, precision="fp16", max_steps=5)


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_the_forward_pass_runs_in_the_precision_asked_for(name, dtype):
    layer = torch.nn.Linear(4, 4)
    with autocast(name, CPU):
        assert layer(torch.ones(1, 4)).dtype == dtype
    assert layer.weight.dtype == torch.float32
    assert make_scaler(name, CPU).is_enabled() == (name == "fp16")


@pytest.mark.parametrize(
    ("capabilities", "taken"),
    [({"avx2": True, "avx512_bf16": False}, "fp32"), ({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"),
     ({"bf16": True}, "bf16"), ({}, "fp32")],
)  # fmt: skip
def test_auto_takes_bf16_only_where_the_processor_has_it(monkeypatch, tmp_path, capabilities, taken):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert settle("auto", CPU) == taken
    asked = []
    plain = precisions.autocast
    monkeypatch.setattr("engram.train.loop.autocast", lambda name, device: asked.append(name) or plain(name, device))
    fit(jobs.make_job(tmp_path, replace(FP16, precision="auto", max_steps=2)))
    assert set(asked) == {taken}
    saved = checkpoint.load(checkpoint.find(tmp_path))
    assert saved.state["environment"]["precision"] == taken


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_person_who_asks_for_emulated_bf16_is_told(monkeypatch, tmp_path, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    notes = []
    options = replace(FP16, precision=precision, max_steps=1)
    fit(jobs.make_job(tmp_path, options, emit=lambda kind, body: notes.append(body) if kind == "note" else None))
    assert [note["text"].partition(" on")[0] for note in notes] == (["bf16 is emulated"] if precision == "bf16" else [])
    assert not multiplies_in_bf16(CPU)


def test_batches_are_made_outside_of_the_mixed_precision(tmp_path):
    """A kind that computes spectra with torch would get them in 16 bits otherwise."""
    valid = jobs.Rows(12, seed=2, masked=0.0)
    mixed = []

    def noticed(batch):
        mixed.append(torch.is_autocast_enabled("cpu"))
        return batch

    def batches():
        for rows in ([0, 1], [2, 3]):
            yield noticed(valid.collate(rows))

    rows = jobs.Rows(30, seed=1)
    options = replace(FP16, precision="bf16", max_steps=1)
    made = {"collate": lambda some: noticed(rows.collate(some)), "valid_batches": batches}
    fit(jobs.make_job(tmp_path, options, rows=rows, **made))
    assert mixed
    assert not any(mixed)


def test_another_precision_is_told_on_resume(monkeypatch, tmp_path):
    """A run that began in bf16 goes on in fp32 on a machine without it, and is then no longer exact."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    auto = replace(FP16, precision="auto")
    with pytest.raises(Paused):
        jobs.train(tmp_path, auto, tiny.LORA, {2: "pause"})
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    jobs.train(tmp_path, auto, tiny.LORA)
    notes = [event for event in jobs.events(tmp_path) if event["kind"] == "note"]
    assert [(note["text"], note["because_changed"]) for note in notes] == [("resume: approximate", ["precision"])]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_weights_and_optimizer_state_stay_in_32_bits(tmp_path, precision):
    fit(jobs.make_job(tmp_path, replace(FP16, precision=precision)))
    saved = checkpoint.load(checkpoint.find(tmp_path))
    for group in ("weights", "optimizer"):
        assert {tensor.dtype for tensor in saved.tensors[group].values()} == {torch.float32}


def test_fp16_begins_where_fp32_begins_and_learns(tmp_path):
    losses = {}
    for precision in ("fp16", "fp32"):
        told = losses.setdefault(precision, [])
        outcome = fit(
            jobs.make_job(
                tmp_path / precision,
                replace(FP16, precision=precision, max_steps=15),
                emit=lambda kind, body, told=told: told.extend([body["valid_loss"]] if "valid_loss" in body else []),
            )
        )
        assert outcome.best_valid_loss < 0.95 * outcome.first_valid_loss
    assert losses["fp16"][0] == pytest.approx(losses["fp32"][0], abs=0.01)


def test_a_resumed_fp16_run_is_the_undisturbed_one(tmp_path):
    jobs.train(tmp_path / "whole", FP16, tiny.LORA)
    with pytest.raises(Paused):
        jobs.train(tmp_path / "halves", FP16, tiny.LORA, {2: "pause"})
    paused = checkpoint.load(checkpoint.find(tmp_path / "halves" / "checkpoints"))
    assert paused.state["scaler"]["scale"] < 2.0**16  # the scaler has learned something that a resume must not forget
    jobs.train(tmp_path / "halves", FP16, tiny.LORA)
    assert jobs.fingerprint(tmp_path / "halves") == jobs.fingerprint(tmp_path / "whole")
    assert jobs.curve(tmp_path / "halves") == jobs.curve(tmp_path / "whole")


class _OverflowOnce(torch.autograd.Function):
    passed = 0

    @staticmethod
    def forward(ctx, total):
        return total.clone()

    @staticmethod
    def backward(ctx, gradient):
        _OverflowOnce.passed += 1
        return gradient * (float("inf") if _OverflowOnce.passed == 1 else 1.0)


def test_an_fp16_step_that_overflows_is_skipped_and_the_scale_halved(tmp_path):
    _OverflowOnce.passed = 0
    weights = []

    def loss(model, batch):
        total, count = jobs.loss(model, batch)
        return (_OverflowOnce.apply(total) if model.training else total), count

    options = replace(FP16, max_steps=2, gradient_accumulation_steps=1)
    job = jobs.make_job(tmp_path, options, tiny.FULL, loss=loss)

    def remember(kind, body):
        if "loss" in body:
            weights.append((body["grad_norm"], next(job.model.parameters()).detach().clone()))

    before = next(job.model.parameters()).detach().clone()
    outcome = fit(replace(job, emit=remember))
    assert [norm < float("inf") for norm, _ in weights] == [False, True]
    assert torch.equal(weights[0][1], before)
    assert not torch.equal(weights[1][1], before)
    assert len(outcome.grad_norms) == 1
    state = checkpoint.load(checkpoint.find(tmp_path)).state["scaler"]
    assert state["scale"] == 2.0**15
