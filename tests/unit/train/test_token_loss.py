"""The loss of models that answer tokens: chunked where the output layer is known, and always the model's own."""

from __future__ import annotations

import pytest
import torch
from support import tiny
from torch.nn import functional

from engram.schema.recipe import Adapter
from engram.train.adapter import attach
from engram.train.cross_entropy import MASKED
from engram.train.token_loss import find_head, token_loss

IDS = torch.arange(3, 43).reshape(4, 10)
TARGETS = torch.where(IDS % 3 == 0, MASKED, (IDS * 7) % 60)


def batch_for(model) -> dict[str, torch.Tensor]:
    more = {"decoder_input_ids": IDS.flip(0)} if model.config.is_encoder_decoder else {}
    return {"input_ids": IDS, "attention_mask": torch.ones_like(IDS), "targets": TARGETS, **more}


def own_loss(model, batch):
    """Return the loss from the model's own logits."""
    logits = model(**{name: tensor for name, tensor in batch.items() if name != "targets"}).logits
    return functional.cross_entropy(logits.flatten(0, 1), batch["targets"].flatten(), reduction="sum")


@pytest.mark.parametrize("name", tiny.FAMILIES)
@pytest.mark.parametrize("adapter", [tiny.FULL, Adapter(r=4)], ids=["full", "lora"])
def test_loss_and_gradients_are_those_of_the_models_own_logits(name, adapter):
    model = attach(tiny.family(name), adapter, tiny.TASK_TYPE[name])
    classes = {"bert": 5, "roberta": 2}.get(name, 60)
    batch = {**batch_for(model), "targets": torch.where(TARGETS == MASKED, MASKED, TARGETS % classes)}
    found = []
    for loss in (lambda: token_loss(model, batch)[0], lambda: own_loss(model, batch)):
        model.zero_grad()
        total = loss()
        total.backward()
        found.append(
            (float(total.detach()), {key: p.grad for key, p in model.named_parameters() if p.grad is not None})
        )
    (chunked, gradients), (own, right) = found
    assert chunked == pytest.approx(own, rel=1e-5)
    assert gradients.keys() == right.keys()
    for key, gradient in right.items():
        torch.testing.assert_close(gradients[key], gradient, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", tiny.FAMILIES)
def test_which_models_have_an_output_layer_that_is_known(name):
    assert (find_head(tiny.family(name)) is None) == (name in ("bert", "roberta"))


def test_looking_for_the_output_layer_leaves_the_model_as_it_was():
    model = tiny.family("qwen2").train()
    find_head(model)
    assert model.training
    assert model(input_ids=IDS).logits.shape == (4, 10, 60)
    assert "forward" not in vars(model.lm_head)


def test_a_model_that_does_more_to_its_logits_is_left_alone():
    model = tiny.family("qwen2")
    plain = model.forward

    def scaled(*args, **kwargs):
        answer = plain(*args, **kwargs)
        answer.logits = answer.logits * 3.0
        return answer

    model.forward = scaled
    assert find_head(model) is None
    total, count = token_loss(model, batch_for(model))
    assert float(total.detach()) == pytest.approx(float(own_loss(model, batch_for(model)).detach()), rel=1e-5)
    assert count == int((TARGETS != MASKED).sum())


def test_an_adapter_on_the_output_layer_is_used():
    model = attach(tiny.family("qwen2"), Adapter(r=4, target_modules=("lm_head", "q_proj")), "CAUSAL_LM")
    torch.nn.init.normal_(model.base_model.model.lm_head.lora_B["default"].weight)
    assert find_head(model) is None
    total, _ = token_loss(model, batch_for(model))
    assert float(total.detach()) == pytest.approx(float(own_loss(model, batch_for(model)).detach()), rel=1e-5)


def test_an_output_layer_that_is_trained_beside_the_adapter_is_chunked():
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["lm_head"], task_type="CAUSAL_LM")
    model = get_peft_model(tiny.family("qwen2"), config)
    assert find_head(model) is not None
    token_loss(model, batch_for(model))[0].backward()
    trained = [name for name, p in model.named_parameters() if p.grad is not None and "lm_head" in name]
    assert trained == ["base_model.model.lm_head.modules_to_save.default.weight"]


def test_nothing_is_remembered_of_past_tokens():
    model = tiny.family("qwen2")
    seen = []
    model.model.layers[0].register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs.get("past_key_values")), with_kwargs=True
    )
    token_loss(model, batch_for(model))
    assert seen[-1] is None
