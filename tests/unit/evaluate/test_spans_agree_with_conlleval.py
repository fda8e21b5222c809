"""Spans are read as conlleval reads them, and counted as seqeval counts them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import span_answers

from engram.errors import Refused, UsageError
from engram.evaluate import per_type_f1, span_f1, span_precision, span_recall, tag_confusion, token_accuracy
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.spans import find_spans, scheme_of

EVERY_MARK = ("O", "B-a", "I-a", "E-a", "S-a", "B-b-c", "I-b-c", "B", "I")
ANY = st.sampled_from([EVERY_MARK, ("O", "B-a", "I-a"), ("B-b", "I-b", "O", "I-a"), ("I-x", "O")]).flatmap(
    lambda tags: span_answers(tags=tags)
)
MICRO = [span_precision.METRIC, span_recall.METRIC, span_f1.METRIC]


def spans(*names: str) -> list[tuple[int, int, str]]:
    """Return the spans of one row of tags as (first word, last word, type)."""
    labels = tuple(dict.fromkeys(names))
    scheme = scheme_of(labels)
    found = find_spans(np.array([labels.index(name) for name in names]), np.array([0, len(names)]), scheme)
    lines = zip(found.start.tolist(), found.end.tolist(), found.kind.tolist(), strict=True)
    return [(start, end - 1, scheme.types[kind]) for start, end, kind in lines]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-a I-a O", [(0, 1, "a")]),
        ("B-a B-a", [(0, 0, "a"), (1, 1, "a")]),
        ("I-a I-a", [(0, 1, "a")]),
        ("O I-a", [(1, 1, "a")]),
        ("B-a I-b", [(0, 0, "a"), (1, 1, "b")]),
        ("I-a I-b I-b", [(0, 0, "a"), (1, 2, "b")]),
        ("B-a O I-a", [(0, 0, "a"), (2, 2, "a")]),
        ("B-a I-a E-a I-a", [(0, 2, "a"), (3, 3, "a")]),
        ("S-a I-a", [(0, 0, "a"), (1, 1, "a")]),
        ("B I O I", [(0, 1, "_"), (3, 3, "_")]),
        ("B-a-b I-a-b", [(0, 1, "a-b")]),
    ],
)
def test_a_span_begins_at_b_and_where_nothing_precedes_an_i(tags: str, expected) -> None:
    assert spans(*tags.split()) == expected


def test_a_span_ends_with_its_row() -> None:
    tags, scheme = np.array([1, 1, 1]), scheme_of(["O", "I-a"])
    assert find_spans(tags, np.array([0, 2, 3]), scheme).start.tolist() == [0, 2]
    assert find_spans(tags, np.array([0, 2, 3]), scheme).end.tolist() == [2, 3]
    assert find_spans(tags, np.array([0, 2, 3]), scheme).row.tolist() == [0, 1]


def test_a_hit_needs_both_borders_and_the_type() -> None:
    labels = ("O", "B-a", "I-a", "B-b", "I-b")
    truth = [[0, 1, 2, 0]] * 5
    guess = [[0, 1, 2, 0], [0, 1, 0, 0], [0, 1, 2, 2], [1, 2, 2, 0], [0, 3, 4, 0]]
    one_of_five = SpanAnswers.of(truth, guess, labels)
    assert [metric.compute(one_of_five) for metric in MICRO] == [0.2, 0.2, 0.2]
    assert one_of_five.correct().tolist() == [True, False, False, False, False]


def test_counts_of_all_rows_are_put_together_before_anything_is_divided() -> None:
    labels = ("O", "B-a")
    case = SpanAnswers.of([[1, 1, 1], [1]], [[1, 1, 1], [0]], labels)
    assert span_recall.compute(case) == 0.75
    assert span_precision.compute(case) == 1.0
    assert span_f1.compute(case) == pytest.approx(6 / 7)


def test_nothing_to_find_and_nothing_found_is_zero() -> None:
    case = SpanAnswers.of([[0, 0]], [[0, 0]], ("O", "B-a"))
    assert [metric.compute(case) for metric in MICRO] == [0.0, 0.0, 0.0]
    assert case.correct().tolist() == [True]
    assert per_type_f1.compute(case) == [{"label": "a", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}]


def test_a_row_is_wrong_when_a_span_too_many_was_guessed() -> None:
    assert SpanAnswers.of([[1, 0]], [[1, 1]], ("O", "B-a")).correct().tolist() == [False]


def test_tags_that_mark_no_spans_have_token_accuracy_and_say_why_not_more() -> None:
    speech = SpanAnswers.of([[0, 1, 1], [0]], [[0, 1, 0], [0]], ("NOUN", "VERB"))
    assert token_accuracy.compute(speech) == 0.75
    assert tag_confusion.compute(speech) == [[2, 0], [1, 1]]
    assert speech.correct().tolist() == [False, True]
    for metric in [*MICRO, per_type_f1.METRIC]:
        with pytest.raises(UsageError, match=r"Spans need the tags O, B-x and I-x.*'NOUN'.*token_accuracy"):
            metric.compute(speech)


@pytest.mark.parametrize("metric", [*MICRO, token_accuracy.METRIC, per_type_f1.METRIC, tag_confusion.METRIC])
def test_no_rows_that_count_are_refused(metric) -> None:
    with pytest.raises(Refused, match="no rows to score"):
        metric.compute(SpanAnswers.of([[1]], [[1]], ("O", "B-a")).weighted(np.array([0])))


def named(case: SpanAnswers, tags: np.ndarray) -> list[list[str]]:
    """Return tag names row by row, as seqeval takes them."""
    return [[case.labels[tag] for tag in row] for row in np.split(tags, case.offsets[1:-1])]


def seqevals(case: SpanAnswers, average: str | None):
    metrics = pytest.importorskip("seqeval.metrics.sequence_labeling", reason="seqeval is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth, guess = named(case, case.truth), named(case, case.guess)
        return metrics.precision_recall_fscore_support(truth, guess, average=average)


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_scalars_are_seqevals_numbers(case: SpanAnswers) -> None:
    expected = seqevals(case, "micro")[:3]
    assert [metric.compute(case) for metric in MICRO] == pytest.approx(expected, rel=0, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_the_table_is_seqevals_table(case: SpanAnswers) -> None:
    columns = np.array(seqevals(case, None)).T.tolist()
    lines = sorted(per_type_f1.compute(case), key=lambda line: line["label"])
    seen = [line for line in lines if line["precision"] + line["recall"] + line["support"] or _is_guessed(case, line)]
    ours = [[line[name] for name in ("precision", "recall", "f1", "support")] for line in seen]
    assert len(ours) == len(columns)
    for line, expected in zip(ours, columns, strict=True):
        assert line == pytest.approx(expected, abs=1e-9)


def _is_guessed(case: SpanAnswers, line: dict) -> bool:
    scheme = scheme_of(case.labels)
    return scheme.types.index(line["label"]) in find_spans(case.guess, case.offsets, scheme).kind
