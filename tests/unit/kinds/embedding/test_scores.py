"""Scored pairs: the loss is that of cosines and scores, whatever stands beside a row; an encoder learns from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support.kinds import SMALL, scored_rows

from engram.config.check_prep import check_prep
from engram.data.prepare import prepare_split
from engram.data.rows import ScoredRow, read_part
from engram.errors import DataError
from engram.evaluate import spearman
from engram.kinds.embedding import score as code
from engram.schema.recipe import Data, PrepStep, Source, SplitPlan
from engram.train.loop import fit
from engram.train.training import Training


@pytest.fixture
def small(tmp_path):
    return SMALL["embedding", "score"](tmp_path)


def test_the_loss_is_the_squared_distance_of_the_cosine_from_the_score_on_its_scale(small):
    loaded = code.load(small.recipe, ())
    rows = code.prepare(loaded, small.train)
    near = code.predict(loaded, rows).answers.guess
    wanted = [(near[at] - row.score / 5) ** 2 for at, row in enumerate(small.train)]
    loaded.model.eval()
    total, count = code.loss(loaded.model, code.collate(loaded, rows, range(len(small.train))))
    assert count == len(small.train)
    assert total.item() == pytest.approx(sum(wanted), rel=1e-4)


def test_a_text_that_occurs_twice_is_read_once(small):
    loaded = code.load(small.recipe, ())
    rows = code.prepare(loaded, [ScoredRow(0, "a cat", "a dog", 1.0), ScoredRow(1, "a dog", "a cat", 4.0)])
    batch = code.collate(loaded, rows, [0, 1])
    assert batch["input_ids"].shape[0] == 2
    assert batch["first"].tolist() == batch["second"].tolist()[::-1]
    assert batch["scores"].tolist() == pytest.approx([0.2, 0.8])


def test_scores_beyond_the_scale_are_counted_for_the_data_gate(small):
    rows = [*small.train, ScoredRow(99, "a cat", "a dog", 5.5)]
    assert code.examine(small.recipe, [rows], ())["scores_off_scale"] == 1
    assert code.examine(replace(small.recipe, prep=()), [rows], ())["scores_off_scale"] > 1


def test_an_encoder_learns_which_texts_are_alike(small, tmp_path):
    torch.set_num_threads(1)
    options = replace(small.recipe.train, num_train_epochs=12, learning_rate=5e-3, per_device_train_batch_size=16)
    recipe = replace(small.recipe, train=options)
    loaded = code.load(recipe, ())
    train = code.prepare(loaded, scored_rows(120, 7))
    before = spearman.compute(code.predict(loaded, train).answers)
    fit(
        Training(
            model=loaded.model,
            loss=code.loss,
            lengths=train.lengths,
            collate=lambda batch: code.collate(loaded, train, batch),
            valid_batches=lambda: code.scoring_batches(loaded, train),
            options=options,
            folder=tmp_path / "checkpoints",
        )
    )
    assert spearman.compute(code.predict(loaded, train).answers) > before + 0.4


def read(tmp_path, *lines):
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,score\n" + "\n".join(lines))
    data = Data((Source(path="pairs.csv"),), split=SplitPlan(0.5, 0.25, 0.25, seed=1, stratify=None))
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=("scored_pairs",))
    return [row for part in made.split.parts.values() for row in read_part(made.folder, part)]


def test_rows_with_one_text_in_common_are_all_kept(tmp_path):
    rows = read(tmp_path, *(f"a cat sits here,text number {number},{number / 2}" for number in range(8)))
    assert sorted(row.score for row in rows) == [number / 2 for number in range(8)]
    assert {row.sentence1 for row in rows} == {"a cat sits here"}


@pytest.mark.parametrize("score", ["much", "nan", "inf"])
def test_a_score_that_is_no_number_is_refused_with_its_line(tmp_path, score):
    with pytest.raises(DataError, match="score") as raised:
        read(tmp_path, "a cat,a dog,1", f"a cat,a cow,{score}")
    assert "pairs.csv" in str(raised.value) and "3" in str(raised.value)


def test_a_scale_that_ends_before_it_begins_is_refused(small):
    recipe = replace(small.recipe, prep=(PrepStep("score_scale", {"least": 5.0, "most": 1.0}),))
    assert any("least must be below most" in problem.message for problem in check_prep(recipe, None))
