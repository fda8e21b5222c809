"""mAP is the number that pycocotools gives, also where rows count several times."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from support.answers import take

from engram.errors import Refused
from engram.evaluate import map as precision
from engram.evaluate import map50, per_class_ap
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.compare import compare
from engram.evaluate.flat import rows_of

pytest.importorskip("pycocotools", reason="pycocotools is not installed")
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def made(rows: int, seed: int, off: float = 1.5, classes: int = 4) -> BoxAnswers:
    random = np.random.default_rng(seed)
    places = np.random.default_rng(99)
    truth, guess = [], []
    for _ in range(rows):
        count = int(places.integers(0, 4))
        boxes = np.c_[places.uniform(0, 30, (count, 2)), places.uniform(5, 20, (count, 2))]
        kinds = places.integers(0, classes, count)
        found = np.concatenate([boxes + random.uniform(-off, off, boxes.shape), [[5.0, 5.0, 9.0, 9.0]]])
        said = np.concatenate([np.where(random.random(count) < 0.8, kinds, (kinds + 1) % classes), [0]])
        truth.append((kinds.tolist(), boxes.tolist()))
        guess.append((said.tolist(), found.tolist(), random.random(len(said)).round(2).tolist()))
    return BoxAnswers.of(truth, guess, [f"c{one}" for one in range(classes)])


def theirs(answers: BoxAnswers) -> np.ndarray:
    """Return mAP and mAP at .50 as COCOeval sums them up."""
    truth_row, guess_row = rows_of(answers.truth_offsets), rows_of(answers.guess_offsets)
    given = [
        {"id": at + 1, "image_id": int(row), "category_id": int(kind), "bbox": box.tolist(), "area": 1.0, "iscrowd": 0}
        for at, (row, kind, box) in enumerate(zip(truth_row, answers.truth, answers.truth_boxes, strict=True))
    ]
    found = [
        {"image_id": int(row), "category_id": int(kind), "bbox": box.tolist(), "score": float(score)}
        for row, kind, box, score in zip(guess_row, answers.guess, answers.guess_boxes, answers.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": row} for row in range(answers.rows)],
            "categories": [{"id": one} for one in range(len(answers.labels))],
            "annotations": given,
        }
        truth.createIndex()
        judged = COCOeval(truth, truth.loadRes(found), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged.stats[:2]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_their_number(seed):
    answers = made(40, seed)
    assert [precision.compute(answers), map50.compute(answers)] == pytest.approx(theirs(answers), abs=1e-12)


def test_rows_that_count_several_times_are_rows_that_stand_there_several_times():
    answers = made(40, 5)
    weights = np.random.default_rng(1).integers(0, 3, answers.rows)
    repeated = take(answers, np.repeat(np.arange(answers.rows), weights))
    assert precision.compute(answers.weighted(weights)) == pytest.approx(theirs(repeated)[0], abs=1e-12)


def test_known_values():
    truth = [([0], [[0, 0, 10, 10]]), ([0], [[0, 0, 10, 10]])]
    exact = BoxAnswers.of(truth, [([0], [[0, 0, 10, 10]], [0.9]), ([0], [[0, 0, 10, 10]], [0.8])], ["a"])
    assert precision.compute(exact) == map50.compute(exact) == 1.0
    half = BoxAnswers.of(truth, [([0], [[0, 0, 10, 10]], [0.9]), ([], [], [])], ["a"])
    assert map50.compute(half) == pytest.approx(51 / 101)  # recall reaches one half
    loose = BoxAnswers.of(truth, [([0], [[0, 0, 10, 6]], [0.9]), ([0], [[0, 0, 10, 6]], [0.8])], ["a"])
    assert precision.compute(loose) == pytest.approx(0.3)  # an overlap of .6 is enough for three of the ten
    assert map50.compute(BoxAnswers.of(truth, [([], [], [])] * 2, ["a"])) == 0.0


def test_a_class_that_is_nowhere_true_is_out_of_the_mean_and_has_no_number():
    answers = BoxAnswers.of([([0], [[0, 0, 9, 9]])], [([0, 1], [[0, 0, 9, 9], [1, 1, 4, 4]], [0.9, 0.8])], ["a", "b"])
    assert precision.compute(answers) == 1.0
    assert per_class_ap.compute(answers) == [
        {"label": "a", "ap": 1.0, "ap50": 1.0, "support": 1},
        {"label": "b", "ap": None, "ap50": None, "support": 0},
    ]


def test_a_better_model_is_better_by_an_interval_over_pictures_and_its_table_is_kept():
    good, bad = made(60, 1, off=0.5), made(60, 2, off=4.0)
    measures, details = compare(good, bad, [precision.METRIC, map50.METRIC], resamples=1_000)
    assert measures["map"].difference_interval[0] > 0
    assert "pycocotools" not in measures["map"].method
    assert "COCO" in measures["map"].method
    assert [line["label"] for line in details["per_class_ap"]] == ["c0", "c1", "c2", "c3"]


def test_answers_survive_the_disk_and_broken_ones_are_refused():
    answers = made(5, 0)
    again = BoxAnswers.from_arrays(answers.to_arrays(), answers.labels)
    assert again.same_questions(answers) == ""
    assert precision.compute(again) == precision.compute(answers)
    with pytest.raises(Refused, match="nothing to find"):
        BoxAnswers.of([([], [])], [([], [], [])], ["a"]).check()
    with pytest.raises(Refused, match="score"):
        BoxAnswers.of([([0], [[0, 0, 1, 1]])], [([0], [[0, 0, 1, 1]], [float("nan")])], ["a"]).check()
