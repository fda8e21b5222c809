"""A model that writes, opened again from each format: the same likelihoods, the same texts, the same ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import talking, tiny

from engram.errors import UserError
from engram.export.format import BaseRef
from engram.export.inspect import digests_of
from engram.kinds.language.exports import export
from engram.kinds.language.generate.examples import prepare, voice_of
from engram.kinds.language.generate.model import answer, load, reopen
from engram.kinds.language.generate.scoring import predict
from engram.schema.recipe import Adapter

LORA = Adapter(r=4, alpha=8, dropout=0.0)
SAVE = {"chatml": talking.save_causal, "plain": talking.save_causal, "seq2seq": talking.save_seq2seq}


@pytest.mark.parametrize(
    ("family", "name"),
    [
        *((family, name) for family in SAVE for name in ("adapter", "merged")),
        ("plain", "onnx"),
        ("seq2seq", "onnx"),
        ("plain", "torchscript"),
    ],
)
def test_a_reopened_model_is_the_one_that_was_evaluated(tmp_path: Path, family: str, name: str):
    pytest.importorskip("onnx" if name == "onnx" else "torch")
    base = tmp_path / "base"
    talking.save_causal(base, talking.CHATML) if family == "chatml" else SAVE[family](base)
    more = {"template": "Q: {prompt}\nA:{response}\n"} if family == "plain" else {}
    loaded = load(talking.recipe(base, LORA, metrics=("loss", "bleu"), **more))
    rows = talking.chats(5, seed=3)
    evaluated = predict(loaded, prepare(loaded, rows))
    asked = answer(loaded, [row.input for row in rows])
    export(loaded, name, tmp_path / name)
    where = loaded.base if name == "adapter" else BaseRef(Path(), "", "", "")
    again = reopen(name, tmp_path / name, where, (), loaded.recipe, digests_of(tmp_path / name))
    found = predict(again, prepare(again, rows))
    np.testing.assert_allclose(found.logits, evaluated.logits, atol=1e-4)
    assert found.answers.guesses == evaluated.answers.guesses
    assert found.answers.references == evaluated.answers.references
    assert answer(again, [row.input for row in rows]) == asked
    assert voice_of(again).stop == voice_of(loaded).stop


def test_a_reopened_model_is_not_exported_again(tmp_path):
    loaded = load(talking.recipe(talking.save_causal(tmp_path / "base"), tiny.FULL))
    export(loaded, "merged", tmp_path / "merged")
    again = reopen("merged", tmp_path / "merged", BaseRef(Path(), "", "", ""), (), loaded.recipe)
    with pytest.raises(ValueError, match="not exported again"):
        export(again, "merged", tmp_path / "twice")


def test_a_model_whose_rows_are_packed_writes_as_without(tmp_path):
    folder, rows = talking.save_causal(tmp_path), talking.chats(6, seed=3)
    plain, packed = (load(talking.recipe(folder, LORA, metrics=("bleu",), packing=on)) for on in (False, True))
    one, other = (predict(loaded, prepare(loaded, rows)) for loaded in (plain, packed))
    np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)
    assert one.answers.guesses == other.answers.guesses


def test_rows_that_cannot_be_packed_are_refused_when_the_model_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("engram.train.packing._in_the_way", lambda body: "its attention works in chunks")
    with pytest.raises(UserError, match="can't be packed: its attention works in chunks"):
        load(talking.recipe(talking.save_causal(tmp_path), packing=True))
