"""What exporters are given: a model that stands alone, and a proof that its graph holds for other sizes."""

from __future__ import annotations

import pytest
import torch
from support import families

from engram.errors import UserError
from engram.export.wrap import FIRST_SHAPE, OTHER_SHAPE, example, inputs_of, prove, whole_copy, wrap


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return families.tuned(families.save_base("bert", tmp_path_factory.mktemp("base")), "classify")


def test_a_copy_stands_alone_and_leaves_the_model_as_it_was(classifier):
    model, tokenizer, _ = classifier
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = families.tensors(families.batches(tokenizer, False)[1])
    whole = whole_copy(model)
    assert not hasattr(whole, "peft_config")
    assert {value.dtype for value in whole.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in whole.parameters())
    with torch.inference_mode():
        assert (whole(**batch).logits - model(**batch).logits).abs().max() <= 1e-5
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_hooks_of_training_do_not_enter_the_copy(tmp_path):
    model, _, _ = families.tuned(families.save_base("qwen2", tmp_path), "generate")
    inner = model.get_base_model()
    inner.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    inner.enable_input_require_grads()
    whole = whole_copy(model)
    assert not any(part._forward_hooks for part in whole.modules())
    assert any(part._forward_hooks for part in inner.modules()), "the model itself still trains"


def test_padding_on_the_left_moves_no_position(tmp_path):
    model, tokenizer, _ = families.tuned(families.save_base("gpt2", tmp_path), "generate")
    wrapped = wrap(whole_copy(model), "generate")
    last = []
    for side in ("left", "right"):
        batch = tokenizer(["thanks", "the parcel was very late"], padding=True, padding_side=side, return_tensors="pt")
        with torch.inference_mode():
            logits = wrapped(batch["input_ids"], batch["attention_mask"])
        ends = batch["attention_mask"].shape[1] - 1 - batch["attention_mask"].flip(1).argmax(1)
        last.append(logits[torch.arange(2), ends])
    torch.testing.assert_close(*last)


def test_examples_differ_in_size_and_hold_padding(classifier):
    config = whole_copy(classifier[0]).config
    for shape in (FIRST_SHAPE, OTHER_SHAPE, (1, 4, 1)):
        given = example(config, "classify", shape)
        assert list(given) == list(inputs_of(config, "classify"))
        assert given["input_ids"].shape == shape[:2]
        assert given["attention_mask"].sum(1).tolist() == [shape[1]] * (shape[0] - 1) + [shape[1] - 2]
        assert (given["input_ids"][given["attention_mask"] == 0] == config.pad_token_id).all()
    assert not torch.equal(
        example(config, "classify", FIRST_SHAPE, 0)["input_ids"],
        example(config, "classify", FIRST_SHAPE, 1)["input_ids"],
    )


@pytest.mark.parametrize("fault", ["rows", "tokens", "numbers", "nan", "raises"])
def test_a_graph_with_its_example_built_in_is_refused(classifier, fault):
    whole = whole_copy(classifier[0])
    wrapped = wrap(whole, "classify")

    def run(given):
        if fault == "raises":
            raise RuntimeError("first line\nsizes of 8 and 11 do not fit")
        if fault == "rows":
            given = {name: value[:2] for name, value in given.items()}
        if fault == "tokens":
            given = {name: value[:, :8] for name, value in given.items()}
        with torch.inference_mode():
            logits = wrapped(**given)
        return logits * (1.01 if fault == "numbers" else float("nan") if fault == "nan" else 1.0)

    with pytest.raises(UserError, match=r"bert model can't be exported as X") as caught:
        prove(wrapped, run, whole.config, "classify", "X")
    assert "Leave this format out" in caught.value.remedy
    if fault == "raises":
        assert "sizes of 8 and 11 do not fit" in caught.value.message


def test_a_true_graph_passes(classifier):
    whole = whole_copy(classifier[0])
    wrapped = wrap(whole, "classify")
    prove(wrapped, lambda given: wrapped(**given), whole.config, "classify", "X")
