"""What is trained: all of it or adapters, named, counted, and put back only where it belongs."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from support import jobs, tiny
from torch import nn

from engram.errors import CheckpointError, UserError
from engram.schema.recipe import Adapter
from engram.train.adapter import attach, count_parameters, restore_weights, trained_weights
from engram.train.loop import fit
from engram.train.optimizer import make_optimizer, optimizer_tensors, restore_optimizer


def test_a_target_that_fits_no_module_is_answered_with_those_that_do():
    with pytest.raises(UserError) as caught:
        attach(tiny.bert(), replace(tiny.LORA, target_modules=("q_proj", "v_proj")), "SEQ_CLS")
    said = str(caught.value)
    assert "q_proj" in said
    assert all(name in said for name in ("query", "key", "value", "dense"))
    assert "all-linear" in caught.value.remedy


def test_lora_trains_its_factors_and_the_head_and_nothing_else():
    model = attach(tiny.bert(), replace(tiny.LORA, r=4, target_modules=("query", "value")), "SEQ_CLS")
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    factors = [name for name in names if "lora_" in name]
    assert len(factors) == 2 * 2 * 2  # layers × modules × factors
    assert all("classifier.modules_to_save" in name for name in set(names) - set(factors))
    head = 32 * 3 + 3
    assert count_parameters(model)["trainable"] == 2 * 2 * (32 * 4 + 4 * 32) + head


def test_full_trains_everything_and_all_are_counted():
    model = attach(tiny.bert().requires_grad_(False), tiny.FULL, "SEQ_CLS")
    counted = count_parameters(model)
    assert counted["trainable"] == counted["all"] == sum(p.numel() for p in model.parameters())


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.words.weight
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("passing", torch.zeros(2), persistent=False)


class TiedBuffer(nn.Module):
    """Two modules that share a buffer, as a rotary table is shared."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
        self.other.running_mean = self.one.running_mean


def test_tied_weights_are_kept_once_and_restored_in_both_places():
    model = Tied()
    weights = {name: tensor.clone() for name, tensor in trained_weights(model).items()}
    assert "words.weight" in weights
    assert "head.weight" not in weights
    assert "norm.running_mean" in weights
    assert "passing" not in weights
    other = Tied()
    restore_weights(other, weights)
    assert torch.equal(other.head.weight, model.words.weight)
    assert sum("running_mean" in name for name in trained_weights(TiedBuffer())) == 1


def test_the_frozen_base_is_no_part_of_a_lora_checkpoint():
    model = attach(tiny.bert(), tiny.LORA, "SEQ_CLS")
    assert all("lora_" in name or "modules_to_save" in name for name in trained_weights(model))


def test_weights_go_back_exactly():
    model = attach(tiny.bert(), tiny.LORA, "SEQ_CLS")
    weights = {name: torch.randn_like(tensor) for name, tensor in trained_weights(model).items()}
    restore_weights(model, weights)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in trained_weights(model).items())


@pytest.mark.parametrize("change", ["missing", "foreign"])
def test_weights_with_other_names_are_refused(change):
    model = attach(tiny.bert(), tiny.LORA, "SEQ_CLS")
    weights = dict(trained_weights(model))
    name = next(iter(weights))
    if change == "missing":
        del weights[name]
    else:
        weights[name := "foreign.weight"] = torch.zeros(1)
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        restore_weights(model, weights)


def test_weights_with_another_shape_are_refused():
    small, large = (attach(tiny.bert(), replace(tiny.LORA, r=r), "SEQ_CLS") for r in (4, 8))
    with pytest.raises(UserError, match="has the shape"):
        restore_weights(large, trained_weights(small))


def test_optimizer_state_goes_back_by_name():
    model = tiny.bert()
    optimizer = make_optimizer(model, jobs.PLAN)
    total, _ = jobs.loss(model, next(jobs.Rows(6, seed=1).batches()))
    total.backward()
    optimizer.step()
    saved = {name: tensor.clone() for name, tensor in optimizer_tensors(model, optimizer).items()}
    assert {key.rpartition("/")[2] for key in saved} == {"step", "exp_avg", "exp_avg_sq"}
    fresh = make_optimizer(twin := copy.deepcopy(model), jobs.PLAN)
    restore_optimizer(twin, fresh, saved)
    again = optimizer_tensors(twin, fresh)
    assert again.keys() == saved.keys()
    assert all(torch.equal(again[name], saved[name]) for name in saved)
    with pytest.raises(CheckpointError, match=r"foreign\.weight"):
        restore_optimizer(twin, fresh, {"foreign.weight/step": torch.tensor(1.0)})


@pytest.mark.parametrize("fused", [True, False])
def test_the_step_count_goes_where_the_optimizer_looks_for_it(fused):
    """A fused optimizer counts on the device of the weights; torch's own loader does the same."""
    model = nn.Linear(2, 2, device="meta")
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.defaults["fused"] = fused
    restore_optimizer(model, optimizer, {"weight/step": torch.tensor(3.0), "weight/exp_avg": torch.zeros(2, 2)})
    state = optimizer.state[model.weight]
    assert state["step"].device.type == ("meta" if fused else "cpu")
    assert state["exp_avg"].device.type == "meta"


def test_biases_and_norms_are_not_decayed():
    decayed = {group["weight_decay"]: group["params"] for group in make_optimizer(tiny.bert(), jobs.PLAN).param_groups}
    assert all(p.ndim > 1 for p in decayed[jobs.PLAN.weight_decay])
    assert all(p.ndim == 1 for p in decayed[0.0])
    assert decayed[0.0]


@pytest.mark.parametrize("adapter", [tiny.FULL, Adapter(r=4, dropout=0.1)], ids=["full", "lora"])
def test_gradient_checkpointing_changes_no_loss(tmp_path, adapter):
    curves = []
    for on in (False, True):
        folder, told = tmp_path / str(on), []
        job = jobs.make_job(
            folder,
            replace(jobs.PLAN, precision="fp32", max_steps=4),
            emit=lambda kind, body, told=told: told.append(body.get("loss", body.get("valid_loss"))),
            model=None,
        )
        torch.manual_seed(1)
        model = tiny.bert(dropout=0.1, seed=1)
        if on:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.enable_input_require_grads()
            assert model.is_gradient_checkpointing
        torch.manual_seed(1)
        fit(replace(job, model=attach(model, adapter, "SEQ_CLS")))
        curves.append([value for value in told if value is not None])
    assert len(curves[0]) >= 6
    assert curves[0] == pytest.approx(curves[1], abs=1e-6)
