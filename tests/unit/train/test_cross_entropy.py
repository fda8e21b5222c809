"""Cross-entropy in chunks: the same sum and gradients as from all logits, in a part of the memory."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory import peak_bytes
from torch.nn import functional

from engram.train.cross_entropy import MASKED, linear_cross_entropy

NAMES = ("hidden", "weight", "bias")


def parts(rows: int, words: int, seed: int = 0, dtype=torch.float64, masked: float = 0.3, width: int = 6):
    """Return (hidden, weight, bias, targets)."""
    random = torch.Generator().manual_seed(seed)
    hidden, weight, bias = (
        torch.randn(shape, generator=random, dtype=torch.float64).to(dtype).requires_grad_()
        for shape in ((rows, width), (words, width), (words,))
    )
    targets = torch.randint(words, (rows,), generator=random)
    return hidden, weight, bias, targets.masked_fill(torch.rand(rows, generator=random) < masked, MASKED)


def plain(hidden, weight, targets, bias=None, softcap=None):
    """The same from all logits."""
    logits = functional.linear(hidden, weight, bias)
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return functional.cross_entropy(logits, targets, ignore_index=MASKED, reduction="sum")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 17),
    words=st.integers(2, 23),
    chunk=st.integers(1, 120),
    masked=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    with_bias=st.booleans(),
    softcap=st.none() | st.floats(0.5, 30),
    seed=st.integers(0, 99),
)
def test_sum_and_gradients_are_those_of_all_logits(rows, words, chunk, masked, with_bias, softcap, seed):
    hidden, weight, bias, targets = parts(rows, words, seed, masked=masked)
    bias = bias if with_bias else None
    total, count = linear_cross_entropy(hidden, weight, targets, bias=bias, softcap=softcap, chunk_logits=chunk)
    wanted = plain(hidden, weight, targets, bias, softcap)
    assert count == int((targets != MASKED).sum())
    assert abs(float(total - wanted)) < 1e-6
    given_to = [t for t in (hidden, weight, bias) if t is not None]
    for found, right in zip(
        torch.autograd.grad(3.0 * total, given_to), torch.autograd.grad(3.0 * wanted, given_to), strict=True
    ):
        torch.testing.assert_close(found, right, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("softcap", [None, 2.0])
def test_gradients_are_the_slopes_of_the_sum(softcap):
    hidden, weight, bias, targets = parts(5, 7)
    assert torch.autograd.gradcheck(
        lambda *t: linear_cross_entropy(t[0], t[1], targets, bias=t[2], softcap=softcap, chunk_logits=14)[0],
        (hidden, weight, bias),
    )


@pytest.mark.parametrize("frozen", NAMES)
def test_what_is_frozen_gets_no_gradient(frozen):
    hidden, weight, bias, targets = parts(5, 7)
    tensors = dict(zip(NAMES, (hidden, weight, bias), strict=True))
    tensors[frozen].requires_grad_(False)
    linear_cross_entropy(hidden, weight, targets, bias=bias)[0].backward()
    assert {name: tensor.grad is None for name, tensor in tensors.items()} == {n: n == frozen for n in NAMES}


def test_a_batch_of_sequences_is_taken_as_it_is():
    hidden, weight, _, targets = parts(12, 9)
    total, count = linear_cross_entropy(hidden.reshape(3, 4, 6), weight, targets.reshape(3, 4))
    assert (float(total), count) == tuple(map(pytest.approx, (float(plain(hidden, weight, targets)), count)))


def test_embeddings_that_are_the_output_layer_too_get_both_gradients():
    ids = torch.tensor([1, 4, 2, 2])
    found = []
    for loss in (plain, lambda *t: linear_cross_entropy(*t)[0]):
        table = torch.nn.Embedding(7, 6, dtype=torch.float64)
        torch.nn.init.normal_(table.weight, generator=torch.Generator().manual_seed(2))
        loss(torch.tanh(table(ids)), table.weight, torch.tensor([4, 2, 2, 6])).backward()
        found.append(table.weight.grad)
    torch.testing.assert_close(found[1], found[0], atol=1e-9, rtol=1e-9)


def test_nothing_to_learn_is_a_sum_of_zero_that_can_go_backward():
    hidden, weight, _, targets = parts(4, 5, masked=1.0)
    total, count = linear_cross_entropy(hidden, weight, targets)
    total.backward()
    assert (float(total), count) == (0.0, 0)
    assert not hidden.grad.any()
    assert not weight.grad.any()


def test_without_gradients_the_sum_is_the_same():
    hidden, weight, bias, targets = parts(9, 5)
    with torch.no_grad():
        total, _ = linear_cross_entropy(hidden, weight, targets, bias=bias, chunk_logits=10)
    assert not total.requires_grad
    assert float(total) == pytest.approx(float(plain(hidden, weight, targets, bias)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.02), (torch.float16, 0.003)])
def test_under_autocast_it_is_as_near_to_the_truth_as_the_usual_way(dtype, tolerance):
    truth = parts(40, 300, dtype=torch.float64, width=32)
    plain(truth[0], truth[1], truth[3], truth[2]).backward()
    tensors = [t.detach().float().requires_grad_() for t in truth[:3]]
    with torch.autocast("cpu", dtype):
        total, _ = linear_cross_entropy(tensors[0], tensors[1], truth[3], bias=tensors[2], chunk_logits=3000)
    (total * 2.0**16).backward()  # as the loss scale of fp16 does
    assert total.dtype == torch.float32
    for found, right in zip(tensors, truth[:3], strict=True):
        assert found.grad.dtype == torch.float32
        error = (found.grad.double() / 2.0**16 - right.grad).norm() / right.grad.norm()
        assert float(error) < tolerance


def test_gradients_too_small_for_fp16_survive_until_the_loss_scale():
    """A row that is nearly learned: its slopes are below what fp16 can hold."""
    hidden = torch.zeros(1, 8).half().requires_grad_()
    weight = torch.zeros(50, 8)
    weight[:, 0] = 1.0
    weight[7] = torch.eye(8)[1]
    with torch.no_grad():
        hidden[0, 1] = 19.0
    linear_cross_entropy(hidden, weight.half(), torch.tensor([7]))[0].mul(2.0**16).backward()
    assert float(hidden.grad[0, 0]) == pytest.approx(49 * math.exp(-19) * 2**16, rel=0.05)


@pytest.mark.parametrize("learns", ["hidden", "hidden and weight"])
def test_memory_stays_below_half_of_all_logits(learns):
    rows, words, width = 2048, 32_000, 16
    hidden = torch.randn(rows, width, requires_grad=True)
    weight = torch.randn(words, width, requires_grad=learns != "hidden")
    targets = torch.arange(rows) * 7 % words

    def chunked() -> None:
        linear_cross_entropy(hidden, weight, targets)[0].backward()

    def usual() -> None:
        plain(hidden, weight, targets).backward()

    logits = rows * words * 4
    assert peak_bytes(chunked) <= 0.5 * logits
    assert peak_bytes(usual) >= 2 * logits


def test_positions_without_a_target_get_no_logits():
    hidden, weight, targets = torch.randn(2000, 8), torch.randn(1000, 8), torch.full((2000,), MASKED)
    targets[:10] = 3
    assert peak_bytes(lambda: linear_cross_entropy(hidden, weight, targets)) < 10 * 1000 * 4 * 3
