"""A head that is not in the adapter can never be had again, so an adapter without it is not written."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from support import families, tiny

from engram.errors import PlatformError
from engram.export import adapter
from engram.export.format import BaseRef
from engram.export.heads import head_modules, lost_heads
from engram.export.tasks import open_model

HEADS = {
    ("bert", "classify"): ["classifier"],
    ("qwen2", "classify"): ["score"],
    ("gpt2", "tag"): ["classifier"],
    ("t5", "classify"): ["classification_head"],
    ("t5", "tag"): ["classifier"],
}


@pytest.mark.parametrize(("family", "task"), HEADS)
def test_the_head_is_what_stands_on_the_body(tmp_path, family, task):
    model, tokenizer, ref = families.tuned(families.save_base(family, tmp_path / "base"), task)
    assert head_modules(model.get_base_model()) == HEADS[family, task]
    assert lost_heads(model) == []
    (tmp_path / "out").mkdir()
    adapter.write(model, tokenizer, ref, tmp_path / "out", task)
    again, _ = adapter.open_adapter(tmp_path / "out", ref, tiny.LABELS, task)
    batch = families.tensors(families.batches(tokenizer, False)[1])
    with torch.inference_mode():
        assert torch.equal(again(**batch).logits, model(**batch).logits)


def test_an_adapter_that_lost_its_head_is_refused(tmp_path):
    base = families.save_base("t5", tmp_path / "base")
    _, tokenizer, _ = families.tuned(base, "classify")
    body = open_model(base, "classify", num_labels=3)
    model = get_peft_model(body, LoraConfig(r=2, target_modules=["q", "v"], task_type="SEQ_CLS"))
    assert lost_heads(model) == ["classification_head"]
    with pytest.raises(PlatformError, match="does not hold classification_head"):
        adapter.write(model, tokenizer, BaseRef(base, "org/tiny", "", ""), tmp_path, "classify")
