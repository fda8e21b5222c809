"""The reference baselines of tagging learn from training rows alone, and what they learn is what can be seen there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import tagged, tiny

from engram.data.rows import TagRow
from engram.errors import LearnsNothing
from engram.evaluate import span_f1
from engram.evaluate.span_answers import SpanAnswers
from engram.kinds.language.load import Loaded
from engram.kinds.language.tag.baselines import baselines, draw, embed, majority
from engram.kinds.language.tag.examples import prepare, tokenise_rows
from engram.kinds.language.tag.model import load

O, PLACE, INSIDE = (tagged.LABELS.index(tag) for tag in ("O", "B-place", "I-place"))
DROPPED = "\u200b"


@pytest.fixture(scope="module", params=["encoder", "t5"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    save = tagged.FAMILIES[request.param]
    return load(tagged.recipe(save(tmp_path_factory.mktemp("base"))), tagged.LABELS)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tagged.recipe(tiny.save_encoder(tmp_path_factory.mktemp("base"))), tagged.LABELS)


def row(tags: list[int], *words: str) -> TagRow:
    return TagRow(0, words, tuple(tags))


def test_the_majority_gives_each_word_its_commonest_tag_and_an_unseen_word_the_commonest_of_all(encoder):
    train = prepare(
        encoder, [row([PLACE, INSIDE, O, O], "new", "york", "van", "the"), row([O, O, O], "york", "york", "a")]
    )
    test = prepare(encoder, [row([PLACE, INSIDE, O], "new", "york", "unseen"), row([O], "New")])
    assert majority(train, test).tolist() == [PLACE, O, O, O]


def test_the_majority_learns_nothing_from_a_masked_tag(encoder):
    train = prepare(encoder, [row([-1, -1, PLACE, O, O], "new", "new", "new", "a", "b")])
    assert majority(train, prepare(encoder, [row([O], "new")])).tolist() == [PLACE]


def test_the_probe_finds_what_stands_in_the_words_from_training_rows_alone(loaded):
    train, rows = prepare(loaded, tagged.rows(150, seed=1)), tagged.rows(40, seed=2)
    test = prepare(loaded, rows)
    said = []
    found = baselines(loaded, train, test, lambda done, total: said.append((done, total)))
    assert set(found) == {"majority", "linear_probe"}
    probe = found["linear_probe"]
    assert isinstance(probe, SpanAnswers)
    probe.check()
    assert (probe.guess == probe.truth).mean() > 0.8
    assert span_f1.compute(probe) > 0.5
    assert said[-1] == (190, 190)
    assert said == sorted(said)
    swapped = prepare(loaded, [TagRow(r.id, r.tokens, tuple((tag + 1) % 5 for tag in r.tags)) for r in rows])
    again = baselines(loaded, train, swapped)
    for name in found:
        np.testing.assert_array_equal(again[name].guess, found[name].guess)


def test_a_word_without_a_token_is_outside_for_the_probe_too(encoder):
    only_places = [row([PLACE, INSIDE], "new", "york"), row([PLACE, O], "porto", "the")] * 6
    found = baselines(encoder, prepare(encoder, only_places), prepare(encoder, [row([PLACE, O], "new", DROPPED)]))
    assert found["linear_probe"].guess[1] == O


def test_the_state_of_a_word_is_that_of_its_first_token_in_the_untouched_body(loaded):
    examples = tokenise_rows(loaded.tokenizer, tagged.rows(9, longest=30), 24, len(tagged.LABELS))
    features = embed(loaded, examples, lambda done, total: None)
    inner = loaded.model.get_base_model()
    body = getattr(inner, inner.base_model_prefix)
    for word in (0, 5, len(features) - 1):
        window, token = examples.places[word]
        with torch.no_grad():
            states = body(input_ids=torch.tensor([examples.ids[window]])).last_hidden_state
        np.testing.assert_allclose(features[word], states[0, token].numpy(), atol=1e-4)


def test_words_of_one_tag_are_told_before_anything_is_computed(encoder):
    train = prepare(encoder, [row([O, O], "a", "b")])
    with pytest.raises(LearnsNothing, match="All 2 words of the training rows carry the same tag"):
        baselines(encoder, train, train)


def test_few_rows_are_no_error(encoder):
    train = prepare(encoder, [row([PLACE, O], "porto", "van")])
    assert baselines(encoder, train, train)["linear_probe"].guess.tolist() == [PLACE, O]


def test_rows_are_drawn_whole_up_to_a_number_of_words_and_always_the_same():
    sizes = np.array([5, 1, 3, 8, 2, 2, 9])
    assert draw(sizes, 30).tolist() == list(range(7))
    some = draw(sizes, 12)
    assert sizes[some].sum() >= 12
    assert some.tolist() == sorted(set(some.tolist())) == draw(sizes, 12).tolist()
    assert len(some) < 7
    assert len(draw(sizes, 1)) == 1


def test_baselines_leave_the_model_as_it_was(encoder):
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    baselines(encoder, prepare(encoder, tagged.rows(20)), prepare(encoder, tagged.rows(5)))
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.model.state_dict().items())
