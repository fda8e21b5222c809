"""Packed = padded: a row gets the same logits, loss and gradients wherever it stands, and never sees another."""

from __future__ import annotations

import random

import pytest
import torch
from support import tiny

from engram.errors import UserError
from engram.schema.recipe import Adapter
from engram.train import packing
from engram.train.adapter import attach
from engram.train.packed_attention import NAME
from engram.train.token_loss import token_loss

MASKED = packing.MASKED
CAUSAL = ("qwen2", "llama", "gpt2", "gemma2", "gemma3")
LENGTHS = (9, 9, 9, 6, 6, 3, 1, 7)  # equal neighbours, a row of one token, and one out of order
ADAPTERS = {"full": tiny.FULL, "lora": Adapter(r=4, alpha=8)}


def rows(seed: int, highest: int = 60) -> list[list[int]]:
    """Return rows of token ids, none of them padding."""
    chance = random.Random(seed)
    return [[chance.randrange(3, highest) for _ in range(length)] for length in LENGTHS]


def labels(name: str, ids: list[list[int]]) -> list[list[int]]:
    """Return what is to be learned: some of the tokens of a causal model, else labels of tokens or an answer."""
    chance = random.Random(9)
    if name == "t5":
        return [[chance.randrange(3, 60) for _ in range(chance.randint(1, 7))] for _ in ids]
    classes = 60 if name in CAUSAL else 2
    return [[token % classes if chance.random() < 0.7 else MASKED for token in row] for row in ids]


def padded(values: list[list[int]], filling: int) -> torch.Tensor:
    width = max(map(len, values))
    return torch.tensor([row + [filling] * (width - len(row)) for row in values])


def padded_batch(name: str, ids: list[list[int]], wanted: list[list[int]]) -> dict[str, torch.Tensor]:
    """Return the usual batch of the same rows, made without the code under test."""
    batch = {"input_ids": padded(ids, 0), "attention_mask": padded([[1] * len(row) for row in ids], 0)}
    if name == "t5":
        batch["decoder_input_ids"] = padded([[0, *answer[:-1]] for answer in wanted], 0)
        return {**batch, "targets": padded(wanted, MASKED)}
    if name in CAUSAL:
        wanted = [[*row[1:], MASKED] for row in wanted]
    return {**batch, "targets": padded(wanted, MASKED)}


def packed_batch(name: str, model, ids: list[list[int]], wanted: list[list[int]]) -> dict[str, torch.Tensor]:
    if name == "t5":
        return packing.pack_pairs(ids, wanted, start=0)
    first = packing.first_position(model)
    return packing.pack(ids, wanted, causal=name in CAUSAL, first_position=first)


def answers(model, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits, shape (rows or 1, tokens, classes)."""
    with torch.no_grad():
        return model(**{key: tensor for key, tensor in batch.items() if key != "targets"}).logits


def both(name: str, seed: int = 0, adapter: str = "full"):
    """Return (usual, packing) models of the same weights and (padded, packed) batches of the same rows."""
    usual, packs = (attach(tiny.family(name), ADAPTERS[adapter], tiny.TASK_TYPE[name]) for _ in range(2))
    if adapter == "lora":  # an adapter begins as the identity; this one does something
        for model in (usual, packs):
            torch.manual_seed(3)
            for parameter in model.parameters():
                if parameter.requires_grad:
                    torch.nn.init.normal_(parameter, std=0.2)
    packing.enable(packs)
    ids = rows(seed)
    wanted = labels(name, ids)
    return usual.eval(), packs.eval(), padded_batch(name, ids, wanted), packed_batch(name, packs, ids, wanted)


@pytest.mark.parametrize("name", tiny.FAMILIES)
def test_logits_of_a_packed_row_are_those_of_the_row_in_a_padded_batch(name):
    usual, packs, apart, together = both(name)
    real = padded([[1] * len(row) for row in labels(name, rows(0))], 0).bool()
    wanted = answers(usual, apart)[real]
    found = answers(packs, together)[0]
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", tiny.FAMILIES)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_losses_and_gradients_are_those_of_the_padded_batch(name, adapter):
    usual, packs, apart, together = both(name, adapter=adapter)
    found = []
    for model, batch in ((usual, apart), (packs, together)):
        total, count = token_loss(model.train(), batch)
        total.backward()
        gradients = {key: p.grad / count for key, p in model.named_parameters() if p.grad is not None}
        found.append((float(total.detach()) / count, count, gradients))
    (loss, count, gradients), (packed_loss, packed_count, packed_gradients) = found
    assert 0 < count == packed_count
    assert packed_loss == pytest.approx(loss, abs=1e-5)
    assert gradients.keys() == packed_gradients.keys()
    for key, gradient in gradients.items():
        torch.testing.assert_close(
            packed_gradients[key], gradient, atol=1e-5, rtol=1e-4, msg=lambda m, k=key: f"{k} {m}"
        )


@pytest.mark.parametrize("name", tiny.FAMILIES)
def test_what_stands_beside_a_row_is_no_matter_to_it(name):
    """The tokens of one row are changed; what the others get stays the same, bit for bit."""
    model = tiny.family(name)
    packing.enable(model)
    model.eval()
    ids = rows(0)
    changed = [*ids[:3], [token % 50 + 4 for token in ids[3]], *ids[4:]]
    wanted = labels(name, ids)
    before, after = (answers(model, packed_batch(name, model, each, wanted))[0] for each in (ids, changed))
    lengths = [len(row) for row in (wanted if name == "t5" else ids)]
    same = [torch.equal(x, y) for x, y in zip(before.split(lengths), after.split(lengths), strict=True)]
    assert same == [True] * 3 + [False] + [True] * 4


@pytest.mark.parametrize("name", ["qwen2", "bert", "t5"])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_gradient_checkpointing_changes_no_gradient_of_packed_rows(name, adapter):
    gradients = []
    for checkpointing in (False, True):
        _, model, _, batch = both(name, adapter=adapter)
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        token_loss(model.train(), batch)[0].backward()
        gradients.append({key: p.grad for key, p in model.named_parameters() if p.grad is not None})
    plain, again = gradients
    assert plain.keys() == again.keys()
    for key, gradient in plain.items():
        torch.testing.assert_close(again[key], gradient, atol=1e-5, rtol=1e-5)


def test_layers_are_computed_again_when_checkpointing_is_on():
    _, model, _, batch = both("qwen2")
    token_loss(model, batch)  # looks at the output layer once
    passes = []
    model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: passes.append(1))
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    token_loss(model.train(), batch)[0].backward()
    assert len(passes) == 2


@pytest.mark.parametrize("name", ["qwen2", "gemma2", "bert"])
def test_in_16_bits_packed_is_padded_within_rounding(name):
    usual, packs, apart, together = both(name)
    with torch.autocast("cpu", torch.bfloat16):
        (total, count), (packed_total, packed_count) = token_loss(usual, apart), token_loss(packs, together)
    assert count == packed_count
    assert float(packed_total.detach()) == pytest.approx(float(total.detach()), rel=0.02)


@pytest.mark.parametrize("name", ["qwen2", "gemma2", "gemma3", "bert", "t5"])
@pytest.mark.parametrize("bits", [16, 32])
def test_padded_batches_are_answered_as_before(name, bits):
    usual, packs, apart, _ = both(name)
    real = (apart["targets"] != MASKED).flatten()
    with torch.autocast("cpu", torch.bfloat16, enabled=bits == 16):
        wanted, found = (answers(model, apart).flatten(0, 1)[real].float() for model in (usual, packs))
    torch.testing.assert_close(found, wanted, atol=1e-5 if bits == 32 else 0.1, rtol=1e-5 if bits == 32 else 0.1)


def test_dropout_of_attention_is_drawn_for_packed_rows_too():
    model = tiny.family("qwen2")
    model.config.attention_dropout = 0.5
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.5
    packing.enable(model)
    batch = packed_batch("qwen2", model, rows(0), rows(0))
    assert torch.equal(answers(model.eval(), batch), answers(model, batch))
    torch.manual_seed(0)
    assert not torch.equal(answers(model.train(), batch), answers(model, batch))


@pytest.mark.parametrize("name", tiny.UNPACKABLE)
def test_a_model_whose_rows_would_mix_is_refused_in_words(name):
    model = tiny.family(name)
    before = model.config._attn_implementation
    with pytest.raises(UserError, match=f"Rows of a {name} model can't be packed: ") as caught:
        packing.enable(model)
    assert "packing: false" in caught.value.remedy
    assert model.config._attn_implementation == before != NAME
    assert model.training


def test_a_model_that_leaves_its_own_mark_on_neighbours_is_refused():
    """A layer that looks one token to the left, as a convolution does, in a model whose attention is well behaved."""
    model = tiny.family("qwen2")
    plain = model.model.layers[0].mlp.forward
    model.model.layers[0].mlp.forward = lambda hidden: plain(hidden) + 0.1 * hidden.roll(1, dims=1)
    with pytest.raises(UserError, match="change each other's hidden states"):
        packing.enable(model)


def test_a_model_that_numbers_its_rows_in_a_way_unknown_here_is_refused(monkeypatch):
    monkeypatch.setattr(packing, "first_position", lambda model: 0)
    with pytest.raises(UserError, match="roberta model can't be packed"):
        packing.enable(tiny.family("roberta"))


def test_a_window_that_looks_both_ways_refuses_longer_rows():
    from transformers import ModernBertConfig, ModernBertForTokenClassification

    ends = {"pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2}
    model = ModernBertForTokenClassification(ModernBertConfig(**tiny._SHAPE, **ends, local_attention=16))
    packing.enable(model)
    model(**packing.pack([[5] * 9, [6] * 4]))
    with pytest.raises(UserError, match="Rows of 10 tokens can't be packed"):
        model(**packing.pack([[5] * 10]))
