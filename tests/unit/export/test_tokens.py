"""Added tokens keep their rows through training, export and reopening, and nothing else of the model changes."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
from safetensors import safe_open
from support import families, tiny

from engram.errors import PlatformError
from engram.export import adapter, merged
from engram.export.tasks import open_model
from engram.export.tokens import clean_tokenizer, fit_embeddings, keeps_rows, token_rows

SHAPES = [("qwen2", True), ("qwen2", False), ("gpt2", True), ("t5", True), ("t5", False)]


def opened(folder, task="generate"):
    return open_model(folder, task, dtype=torch.float32), transformers.AutoTokenizer.from_pretrained(folder)


def tie_of(model):
    return model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize(("family", "tied"), SHAPES)
def test_new_rows_join_the_old_ones_and_ties_stay_as_they_are(tmp_path, family, tied):
    model, tokenizer = opened(families.save_base(family, tmp_path, tied=tied))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    said = model.config.tie_word_embeddings
    count = len(tokenizer)
    assert fit_embeddings(model, tokenizer) == []
    tokenizer.add_tokens(["<a>", "<b>", "<c>"], special_tokens=True)
    assert fit_embeddings(model, tokenizer, mean_resizing=True) == [count, count + 1, count + 2]
    assert fit_embeddings(model, tokenizer) == []
    assert tie_of(model) == tied
    assert model.config.tie_word_embeddings == said
    for name, value in model.state_dict().items():
        assert torch.equal(value[: len(before[name])], before[name]), name


def test_spare_rows_are_used_and_a_model_never_shrinks(tmp_path):
    model, tokenizer = opened(families.save_base("t5", tmp_path))
    model.resize_token_embeddings(len(tokenizer) + 28)
    tokenizer.add_tokens(["<a>"], special_tokens=True)
    assert fit_embeddings(model, tokenizer) == []
    assert model.get_input_embeddings().num_embeddings == len(tokenizer) + 27


@pytest.mark.parametrize(("family", "tied"), SHAPES)
def test_an_adapter_keeps_the_rows_and_little_else(tmp_path, family, tied):
    base = families.save_base(family, tmp_path / "base", tied=tied)
    model, tokenizer, ref = families.tuned(base, "generate", families.ADDED)
    batch = families.tensors(families.batches(tokenizer, family == "t5", families.ADDED)[1])
    with torch.inference_mode():
        wanted = model(**batch).logits
    (tmp_path / "adapter").mkdir()
    adapter.write(model, tokenizer, ref, tmp_path / "adapter", "generate")
    with safe_open(tmp_path / "adapter" / "adapter_model.safetensors", "pt") as file:
        rest = [tuple(file.get_slice(name).get_shape()) for name in file.keys() if "lora" not in name]  # noqa: SIM118
    assert rest
    assert set(rest) == {(len(families.ADDED), 32)}
    again, _ = adapter.open_adapter(tmp_path / "adapter", ref, (), "generate")
    with torch.inference_mode():
        assert torch.equal(again(**batch).logits, wanted)
    merged.write(model, tokenizer, ref, tmp_path / "merged", "generate")
    whole, _ = merged.open_merged(tmp_path / "merged", ref, (), "generate")
    assert tie_of(whole) == tied
    with torch.inference_mode():
        assert (whole(**batch).logits - wanted).abs().max() <= 1e-4


@pytest.mark.parametrize(("family", "tied"), [("qwen2", True), ("qwen2", False), ("t5", True)])
def test_rows_that_were_not_trained_are_saved_with_the_whole_embedding(tmp_path, family, tied):
    from peft import LoraConfig, get_peft_model

    base = families.save_base(family, tmp_path / "base", tied=tied)
    _, _, ref = families.tuned(base, "generate")
    model, tokenizer = opened(base)
    tokenizer.add_tokens(list(families.ADDED), special_tokens=True)
    rows = fit_embeddings(model, tokenizer, mean_resizing=True)
    kind = "SEQ_2_SEQ_LM" if family == "t5" else "CAUSAL_LM"
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type=kind)).eval()
    assert not keeps_rows(tuned, rows)
    batch = families.tensors(families.batches(tokenizer, family == "t5", families.ADDED)[1])
    with torch.inference_mode():
        wanted = tuned(**batch).logits
    (tmp_path / "out").mkdir()
    adapter.write(tuned, tokenizer, ref, tmp_path / "out", "generate")
    again, _ = adapter.open_adapter(tmp_path / "out", ref, (), "generate")
    with torch.inference_mode():
        assert torch.equal(again(**batch).logits, wanted)


def test_a_size_that_no_reader_would_arrive_at_is_refused(tmp_path):
    base = families.save_base("qwen2", tmp_path / "base")
    model, tokenizer, ref = families.tuned(base, "generate")
    model.get_base_model().resize_token_embeddings(len(tokenizer) + 8)
    with pytest.raises(PlatformError, match="rows of embeddings"):
        adapter.write(model, tokenizer, ref, tmp_path, "generate")


def test_token_rows_name_both_embeddings_and_nothing_when_there_is_nothing(tmp_path):
    model, _ = opened(families.save_base("qwen2", tmp_path / "one", tied=False))
    assert token_rows(model, [7, 8]) == {"embed_tokens": [7, 8], "lm_head": [7, 8]}
    assert token_rows(model, []) == {}
    model = open_model(families.save_base("bert", tmp_path / "two"), "classify", dtype=torch.float32)
    assert token_rows(model, [7]) == {"word_embeddings": [7]}


@pytest.mark.parametrize("family", families.TOKENIZERS)
def test_a_tokenizer_that_has_worked_is_saved_as_one_that_has_not(tmp_path, family):
    folder = families.save_base(family, tmp_path / "base")
    fresh = transformers.AutoTokenizer.from_pretrained(folder)
    fresh.save_pretrained(tmp_path / "fresh")
    fresh(["a b c d", "e"], padding=True, truncation=True, max_length=3)
    clean_tokenizer(fresh).save_pretrained(tmp_path / "worked")
    for file in (tmp_path / "fresh").iterdir():
        assert (tmp_path / "worked" / file.name).read_bytes() == file.read_bytes()
    assert json.loads((tmp_path / "worked" / "tokenizer.json").read_text())["truncation"] is None
    assert len(fresh(["a b c d"], truncation=True, max_length=3)["input_ids"][0]) == 3, "the original works on"


def test_a_class_is_known_for_each_task_of_each_family(tmp_path):
    for family in families.TOKENIZERS:
        folder = families.save_base(family, tmp_path / family)
        for task in ("classify", "tag", "generate"):
            if (family, task) == ("bert", "generate"):
                continue
            found = type(open_model(folder, task, num_labels=len(tiny.LABELS))).__name__
            ending = {"classify": "SequenceClassification", "tag": "TokenClassification"}.get(task, "")
            assert found.endswith(ending or ("ConditionalGeneration", "ForCausalLM", "LMHeadModel")), found
