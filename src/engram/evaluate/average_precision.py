"""Average precision of boxes as COCO works it out: boxes matched by pycocotools, precision over recall by class."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.flat import rows_of
from engram.lazy import need

EXTRA = "vision"
OVERLAPS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
RECALLS = np.linspace(0.0, 1.0, 101)
MOST_FOUND = 100  # boxes of a class on a picture, the surest first
METHOD = "COCO, 101 points of recall, 100 boxes a picture"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Matched:
    """The found boxes of one class, the surest first, and the true ones.

    row: the picture of each, shape (found,). hits: whether it is a true one at each overlap, shape (overlaps, found).
    truth: how many true boxes each picture has, shape (rows,).
    """

    row: NDArray[np.int64]
    hits: NDArray[np.bool_]
    truth: NDArray[np.int64]


def match(answers: BoxAnswers, overlaps: Sequence[float] = OVERLAPS) -> list[Matched]:
    """Match found boxes with true ones of their class, each class apart, as pycocotools does.

    Of a picture's boxes the surest chooses first, and takes the free true box that it overlaps most, if by enough
    (intersection over union).
    """
    evaluated = _evaluate(answers, overlaps)
    rows, matched = answers.rows, []
    truth_row = rows_of(answers.truth_offsets)
    for place in range(len(answers.labels)):
        found = [(row, one) for row in range(rows) if (one := evaluated[place * rows + row])]
        scores = [np.asarray(one["dtScores"], dtype=np.float64) for _, one in found]
        row = np.concatenate([np.full(len(s), r) for (r, _), s in zip(found, scores, strict=True)] or [np.zeros(0)])
        hits = [np.asarray(one["dtMatches"]).reshape(len(overlaps), -1) > 0 for _, one in found]
        flat = np.concatenate(scores or [np.zeros(0)])
        order = np.argsort(-flat, kind="mergesort")
        both = np.concatenate(hits, axis=1) if hits else np.zeros((len(overlaps), 0), dtype=bool)
        # What stands behind the last hit of a class lowers no precision that counts.
        kept = order[: 1 + max(np.flatnonzero(both[:, order].any(axis=0)), default=-1)]
        truth = np.bincount(truth_row[answers.truth == place], minlength=rows).astype(np.int64)
        matched.append(Matched(row[kept].astype(np.int64), both[:, kept], truth))
    return matched


def precisions(one: Matched, weights: NDArray[np.int64]) -> Floats:
    """Return the average precision of a class at each overlap, shape (overlaps,); NaN where there is no true box.

    The mean, over 101 recalls from 0 to 1, of the highest precision at that recall or a higher one (Lin et al.,
    Microsoft COCO, 2014). weights: how often each picture counts.
    """
    total = float((one.truth * weights).sum())
    if total <= 0:
        return np.full(len(one.hits), np.nan)
    counted = weights[one.row].astype(np.float64)
    hit = np.cumsum(one.hits * counted, axis=1)
    seen = np.cumsum(counted)
    precision = np.divide(hit, seen, out=np.zeros_like(hit), where=seen > 0)
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    out = np.zeros(len(one.hits))
    for place, recall in enumerate(hit / total):
        at = np.searchsorted(recall, RECALLS, side="left")
        out[place] = highest[place][at[at < len(recall)]].sum() / len(RECALLS)
    return out


def mean_precision(answers: BoxAnswers, overlaps: Sequence[float]) -> Callable[[NDArray[np.int64]], float]:
    """Return the mean over classes and overlaps as a function of the row weights; classes without a true box are out.

    0 where nothing was to be found in the rows that count.
    """
    matched = match(answers, overlaps)

    def mean(weights: NDArray[np.int64]) -> float:
        found = np.concatenate([precisions(one, weights) for one in matched])
        known = found[~np.isnan(found)]
        return float(known.mean()) if len(known) else 0.0

    return mean


def _evaluate(answers: BoxAnswers, overlaps: Sequence[float]) -> list[dict[str, Any] | None]:
    """Return pycocotools' matches, class by class and within a class picture by picture; None where nothing is."""
    coco: Any = need("pycocotools.coco", extra=EXTRA, why="to match boxes")
    judge: Any = need("pycocotools.cocoeval", extra=EXTRA, why="to match boxes")
    rows, classes = list(range(1, answers.rows + 1)), list(range(1, len(answers.labels) + 1))
    truth, guess = coco.COCO(), coco.COCO()
    of_truth = zip(rows_of(answers.truth_offsets), answers.truth, answers.truth_boxes, strict=True)
    of_guess = zip(rows_of(answers.guess_offsets), answers.guess, answers.guess_boxes, answers.scores, strict=True)
    given = [_entry(at, *one) | {"iscrowd": 0, "ignore": 0} for at, one in enumerate(of_truth, 1)]
    found = [_entry(at, row, label, box) | {"score": float(s)} for at, (row, label, box, s) in enumerate(of_guess, 1)]
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of each of its steps
        for known, entries in ((truth, given), (guess, found)):
            known.dataset = {
                "images": [{"id": row} for row in rows],
                "categories": [{"id": one} for one in classes],
                "annotations": entries,
            }
            known.createIndex()
        evaluation = judge.COCOeval(truth, guess, "bbox")
        evaluation.params.imgIds, evaluation.params.catIds = rows, classes
        evaluation.params.iouThrs = np.asarray(overlaps)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [MOST_FOUND]
        evaluation.evaluate()
    matches: list[dict[str, Any] | None] = evaluation.evalImgs
    return matches


def _entry(at: int, row: int, label: int, box: NDArray[np.float64]) -> dict[str, Any]:
    area = float(box[2] * box[3])
    return {"id": at, "image_id": int(row) + 1, "category_id": int(label) + 1, "bbox": box.tolist(), "area": area}
