"""Adapters in fewer passes answer and learn as peft's own, and whatever is no plain adapter is left to peft."""

from __future__ import annotations

import copy

import pytest
import torch
from support import tiny

from engram.schema.recipe import Adapter
from engram.train.adapter import attach, trained_weights
from engram.train.fused_lora import _Fused, fuse, unfuse

IDS = torch.arange(3, 27).reshape(2, 12)


def tuned(dropout: float = 0.0, dtype: torch.dtype = torch.float64):
    """Return a model whose adapter does something; attach has put the fused pass in."""
    model = attach(tiny.family("qwen2"), Adapter(r=4, alpha=12, dropout=dropout), "CAUSAL_LM").to(dtype)
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def learned(model, **context):
    """Return logits and gradients of one pass."""
    model.zero_grad()
    torch.manual_seed(5)
    with torch.autocast("cpu", torch.bfloat16, enabled=context.get("bf16", False)):
        logits = model(input_ids=IDS).logits
        logits.float().logsumexp(-1).sum().backward() if context.get("bf16") else logits.logsumexp(-1).sum().backward()
    return logits.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def fused_layers(model) -> int:
    return sum(isinstance(layer.__dict__.get("forward"), _Fused) for layer in model.modules())


def assert_same(found, wanted, **tolerance):
    torch.testing.assert_close(found[0], wanted[0], **tolerance)
    assert found[1].keys() == wanted[1].keys()
    for name, gradient in wanted[1].items():
        torch.testing.assert_close(found[1][name], gradient, msg=lambda m, n=name: f"{n} {m}", **tolerance)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_logits_and_gradients_are_those_of_peft(dropout):
    model = tuned(dropout).train()
    assert fused_layers(model) == 14  # seven linear layers in each of two blocks
    found = learned(model)
    unfuse(model)
    assert fused_layers(model) == 0
    assert_same(found, learned(model), rtol=1e-9, atol=1e-9)
    assert len(found[1]) == 28


def test_under_autocast_only_the_rounding_of_a_sum_differs():
    model = tuned(dtype=torch.float32).train()
    exact = learned(model)
    found = learned(model, bf16=True)
    unfuse(model)
    wanted = learned(model, bf16=True)
    assert found[0].dtype == wanted[0].dtype == torch.bfloat16
    for name, gradient in exact[1].items():  # as near to the exact gradient as peft's own, within half as much again
        off, usual = (float((of[1][name] - gradient).norm() / gradient.norm()) for of in (found, wanted))
        assert off <= 1.5 * usual + 0.01, name
        assert found[1][name].dtype == torch.float32


def test_a_layer_computed_twice_gives_the_same_gradients():
    model = tuned().train()
    wanted = learned(model)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.enable_input_require_grads()
    assert_same(learned(model), wanted, rtol=0, atol=0)


def test_a_merged_disabled_or_second_adapter_is_answered_by_peft():
    from peft import LoraConfig

    model = tuned().eval()
    with torch.no_grad():
        on = model(input_ids=IDS).logits
        with model.disable_adapter():
            off = model(input_ids=IDS).logits
        torch.testing.assert_close(off, tiny.family("qwen2").double().eval()(input_ids=IDS).logits)
        assert not torch.allclose(on, off)
        model.merge_adapter()
        torch.testing.assert_close(model(input_ids=IDS).logits, on)
        model.unmerge_adapter()
        model.add_adapter("other", LoraConfig(r=2, init_lora_weights=False, target_modules=["q_proj"]))
        model.double().base_model.set_adapter(["default", "other"])
        both = model(input_ids=IDS).logits
        unfuse(model)
        torch.testing.assert_close(model(input_ids=IDS).logits, both, rtol=0, atol=0)
        assert not torch.allclose(both, on)


def test_an_adapter_that_is_more_than_a_plain_one_is_answered_by_peft():
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(r=4, use_dora=True, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    model = get_peft_model(tiny.family("llama"), config).eval()
    with torch.no_grad():
        wanted = model(input_ids=IDS).logits
        assert fuse(model) == 4
        torch.testing.assert_close(model(input_ids=IDS).logits, wanted, rtol=0, atol=0)


def test_what_is_saved_copied_and_merged_stays_as_it_was():
    model = tuned().eval()
    with torch.no_grad():
        wanted = model(input_ids=IDS).logits
    names, state = set(trained_weights(model)), list(model.state_dict())
    unfuse(model)
    assert (set(trained_weights(model)), list(model.state_dict())) == (names, state)
    assert fuse(model) == 14
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        torch.testing.assert_close(twin(input_ids=IDS).logits, wanted, rtol=0, atol=0)
        merged = twin.merge_and_unload()
        assert fused_layers(merged) == 0
        torch.testing.assert_close(merged(input_ids=IDS).logits, wanted)
