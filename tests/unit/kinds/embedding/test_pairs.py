"""Rows to groups: what is set against what, partners by labels, and what has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support import tiny

from engram.data.rows import AnchorRow, Row
from engram.errors import UserError
from engram.kinds.embedding import embed as code
from engram.kinds.embedding.vectors import against_gallery
from engram.schema.recipe import PrepStep

CONTRAST = {"pairs": 4}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny.save_encoder(tmp_path_factory.mktemp("base"))


def recipe_of(base, contrast=CONTRAST, adapter=tiny.LORA):
    recipe = tiny.recipe(base, replace(adapter, dropout=0.0))
    return replace(recipe, kind="embedding", task="embed", prep=(PrepStep("contrast", contrast),))


@pytest.fixture(scope="module")
def loaded(base):
    return code.load(recipe_of(base), ("a", "b", "c"))


def pairs(*texts):
    return [AnchorRow(number, *(one if len(one) == 3 else (*one, ""))) for number, one in enumerate(texts)]


def shown(loaded, batch):
    """Return the batch's texts as words."""
    return [loaded.tokenizer.decode(ids, skip_special_tokens=True) for ids in batch["input_ids"]]


def test_each_text_meets_its_partner_and_true_negatives_alone(loaded):
    rows = pairs(
        ("late parcel", "lost box"), ("card twice", "bank refund"), ("lost box", "late van"), ("great", "kind")
    )
    examples = code.prepare(loaded, rows)
    batch = code.collate(loaded, examples, [0])
    texts = shown(loaded, batch)
    met = {}
    for anchor, allowed in zip(batch["anchors"].tolist(), batch["allowed"], strict=True):
        met[texts[anchor]] = {texts[batch["candidates"][at]] for at in torch.nonzero(allowed).flatten().tolist()}
    # The first and the third pair share a text, so neither's partner is a negative of the other.
    assert met == {
        "late parcel": {"lost box", "bank refund", "kind"},
        "lost box": {"late van", "bank refund", "kind"},
        "card twice": {"lost box", "bank refund", "late van", "kind"},
        "great": {"lost box", "bank refund", "late van", "kind"},
    }


def test_a_hard_negative_is_a_negative_unless_it_is_what_was_meant(loaded):
    rows = pairs(("late parcel", "lost box", "card twice"), ("great", "kind", "lost box"))
    batch = code.collate(loaded, code.prepare(loaded, rows), [0])
    texts = [shown(loaded, batch)[at] for at in batch["candidates"].tolist()]
    assert texts == ["lost box", "kind", "card twice", "lost box"]
    assert batch["allowed"].tolist() == [[True, True, True, False], [True, True, True, True]]


def test_partners_are_other_texts_of_the_label_drawn_anew(loaded):
    rows = [
        Row(at, text, label) for at, (text, label) in enumerate(zip("abcdefgh", [0, 0, 0, 0, 1, 1, 1, 1], strict=True))
    ]
    examples = code.prepare(loaded, rows)
    drawn = [examples.partners(range(8), epoch).tolist() for epoch in range(6)]
    for partners in drawn:
        assert all(one != at and rows[one].label == rows[at].label for at, one in enumerate(partners))
    assert len({tuple(one) for one in drawn}) > 1
    assert drawn[0] == examples.partners(range(8), 0).tolist()


def test_rows_without_a_partner_are_counted_and_not_learned_from(base, loaded):
    rows = [Row(0, "a", 0), Row(1, "b", 0), Row(2, "c", 1), Row(3, "d", 7)]
    assert code.examine(recipe_of(base), [rows], ("a", "b"))["unpaired_rows_rate"] == 0.5
    examples = code.prepare(loaded, rows)
    assert examples.rows.tolist() == [0, 1]
    assert code.loss(loaded.model, code.collate(loaded, examples, [0]))[1] == 0, "they are each other's only ones"
    assert code.prepare(loaded, [Row(0, "a", 0)]).lengths == []
    assert code.prepare(loaded, []).lengths == []


def test_the_gallery_is_the_part_itself_and_a_question_is_not_its_own_answer(loaded):
    rows = [Row(0, "a", 0), Row(1, "b", 0), Row(2, "c", 1), Row(3, "d", 1)]
    found = code.predict(loaded, code.prepare(loaded, rows)).answers
    assert (found.rows, len(found.gallery), found.own.tolist()) == (4, 4, [0, 1, 2, 3])
    assert found.relevant_counts().tolist() == [1, 1, 1, 1]
    both = code.prepare(loaded, pairs(("a", "b", "c"), ("d", "e"), ("b", "f"))).pairs
    answers = against_gallery(both, np.eye(len(both.texts), dtype=np.float32))
    assert [both.texts[int(row.argmax())] for row in answers.gallery] == ["c", "b", "e", "f"]
    assert answers.own.tolist() == [-1, -1, 1]
    assert answers.relevant_counts().tolist() == [2, 1, 1]


def test_lost_tokens_are_counted_and_texts_without_any(base):
    recipe = replace(recipe_of(base), train=replace(recipe_of(base).train, max_seq_length=4))
    found = code.examine(recipe, [pairs(("late parcel box van", "lost"), ("late", "lost courier"))], ())
    assert 0 < found["lost_tokens_rate"] < 1
    assert found["tokenisation_error_rate"] == 0.0


def test_a_symmetric_loss_and_cuts_change_what_is_learned_and_stay_sums_over_groups(base):
    rows = tiny.sentences(16)
    losses = []
    for more in ({}, {"symmetric": True}, {"dimensions": [8, 16]}):
        loaded = code.load(recipe_of(base, {**CONTRAST, **more}), tiny.LABELS)
        examples = code.prepare(loaded, rows)
        whole, count = code.loss(loaded.model, code.collate(loaded, examples, range(4)))
        parts = [code.loss(loaded.model, code.collate(loaded, examples, [one])) for one in range(4)]
        assert sum(targets for _, targets in parts) == count == 16
        assert sum(float(total) for total, _ in parts) == pytest.approx(float(whole), rel=2e-5)
        losses.append(float(whole))
    assert len(set(losses)) == 3


def test_what_can_not_be_done_is_said_before_anything_is_trained(base):
    with pytest.raises(UserError, match="no cut of vectors of 32"):
        code.load(recipe_of(base, {"dimensions": [32]}), tiny.LABELS)
    recipe = recipe_of(base)
    with pytest.raises(UserError, match=r"train\.packing"):
        code.load(replace(recipe, train=replace(recipe.train, packing=True)), tiny.LABELS)
