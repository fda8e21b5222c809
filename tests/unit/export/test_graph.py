"""A graph that generates says what transformers says, whichever side its prompts are padded on."""

from __future__ import annotations

import pytest
import torch
from support import families

from engram.errors import UsageError
from engram.export.graph import Graph
from engram.export.wrap import whole_copy, wrap

PROMPTS = ["my parcel", "the card was charged twice and the bank", "thanks", "very late again today please"]


@pytest.fixture(scope="module", params=["qwen2", "gpt2", "t5"])
def both(request, tmp_path_factory):
    """A tuned model, its tokenizer, and the same model as a graph, which is run by torch here."""
    model, tokenizer, _ = families.tuned(families.save_base(request.param, tmp_path_factory.mktemp("base")), "generate")
    whole = whole_copy(model)
    wrapped = wrap(whole, "generate")

    def run(given):
        with torch.inference_mode():
            return wrapped(**given)

    return whole, tokenizer, Graph(run, whole.config)


def prompts(tokenizer, side="left"):
    batch = tokenizer(PROMPTS, padding=True, padding_side=side, return_tensors="pt")
    return {name: batch[name] for name in ("input_ids", "attention_mask")}


def theirs(model, batch, **more):
    torch.manual_seed(0)
    with torch.inference_mode():
        return model.generate(**batch, do_sample=False, **more)


def test_it_generates_what_transformers_generates(both):
    model, tokenizer, graph = both
    batch = prompts(tokenizer)
    wanted = theirs(model, batch, max_new_tokens=9)
    assert torch.equal(graph.generate(**batch, max_new_tokens=9), wanted)
    assert len({tuple(row[-9:].tolist()) for row in wanted}) > 1, "rows that all say the same prove little"


def test_a_row_that_has_ended_is_padded_while_others_go_on(both):
    model, tokenizer, graph = both
    batch = prompts(tokenizer)
    free = theirs(model, batch, max_new_tokens=9, eos_token_id=-1)
    first = free[:, -9:]
    end = next(int(token) for token in first[0, 1:] if token not in first[1, :2])
    ends = {"eos_token_id": [end], "pad_token_id": 0, "max_new_tokens": 9}
    wanted = theirs(model, batch, **ends)
    assert torch.equal(graph.generate(**batch, **ends), wanted)
    assert torch.equal(graph.generate(**batch, eos_token_id=end, pad_token_id=0, max_new_tokens=9), wanted)
    assert (wanted[:, -1] == 0).any()


def test_it_stops_when_every_row_has_ended(both):
    _, tokenizer, graph = both
    batch = {name: value[:1] for name, value in prompts(tokenizer).items()}
    free = graph.generate(**batch, max_new_tokens=3, eos_token_id=-1)
    first = int(free[0, -3])
    assert graph.generate(**batch, max_new_tokens=3, eos_token_id=first).shape[1] == free.shape[1] - 2


def test_a_row_ends_where_a_criterion_says_so_and_the_others_go_on(both):
    model, tokenizer, graph = both
    batch = prompts(tokenizer)
    begin = theirs(model, batch, max_new_tokens=1).shape[1] - 1

    def after_three(tokens, scores=None, **more):
        rows = torch.arange(len(tokens))
        return (rows % 2 == 0) & torch.tensor(tokens.shape[1] - begin >= 3)

    asked = {"max_new_tokens": 9, "pad_token_id": 0, "eos_token_id": -1, "stopping_criteria": [after_three]}
    wanted = theirs(model, batch, **asked)
    found = graph.generate(**batch, **asked)
    assert torch.equal(found, wanted)
    assert (found[::2, begin + 3 :] == 0).all()


def test_padding_on_the_right_says_the_same(both):
    _, tokenizer, graph = both
    left, right = (graph.generate(**prompts(tokenizer, side), max_new_tokens=5)[:, -5:] for side in ("left", "right"))
    assert torch.equal(left, right)


def test_without_a_mask_everything_is_read(both):
    model, tokenizer, graph = both
    ids = tokenizer(PROMPTS[1], return_tensors="pt")["input_ids"]
    mask = torch.ones_like(ids)
    wanted = theirs(model, {"input_ids": ids, "attention_mask": mask}, max_new_tokens=4)
    assert torch.equal(graph.generate(ids, max_new_tokens=4), wanted)


def test_what_it_cannot_do_is_told(both):
    _, tokenizer, graph = both
    for more in ({"do_sample": True}, {"num_beams": 4}):
        with pytest.raises(UsageError, match="likeliest token only"):
            graph.generate(**prompts(tokenizer), **more)


def test_a_model_that_knows_no_padding_must_be_told_one(both):
    from types import SimpleNamespace

    graph = Graph(both[2].run, SimpleNamespace(eos_token_id=None, pad_token_id=None))
    with pytest.raises(UsageError, match="pad_token_id"):
        graph.generate(torch.tensor([[3]]))
