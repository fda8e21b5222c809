"""Records to plain data and back: what goes out comes in, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.schema.codec import FieldProblem, from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.recipe import Recipe, SaveEvery, Train
from engram.schema.report import Measure, Report

NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
ENDS = st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1))
MEASURE = st.builds(Measure, value=NUMBER, interval=ENDS, baseline=NUMBER, difference=NUMBER, method=st.text())


@given(st.dictionaries(st.text(min_size=1), MEASURE, max_size=4), st.integers(0, 10**9))
def test_any_report_comes_back_as_it_was(metrics, rows):
    report = Report("r_1", "evaluate", rows, metrics)
    assert from_dict(Report, to_dict(report)) == report


@given(st.builds(Criterion, metric=st.text(), at_least=NUMBER, at_most=NUMBER, by=st.floats(-1, 1)))
def test_any_criterion_comes_back_as_it_was(criterion):
    assert from_dict(Criterion, to_dict(criterion)) == criterion


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"learing_rate": 1.0}, "Did you mean 'learning_rate'"),
        ({"learning_rate": "fast"}, "must be a number, not the text 'fast'"),
        ({"learning_rate": "1e-4"}, "Write 1.0e-4"),
        ({"max_steps": 1.5}, "must be a whole number"),
        ({"max_steps": True}, "must be a whole number"),
        ({"group_by_length": 1}, "must be true or false"),
        ({"precision": "bf61"}, "Did you mean 'bf16'"),
        ({"save_every": 100}, "must be a block of keys"),
        ({"save_every": {"step": 1}}, "'save_every'"),
        ([], "must be a block of keys"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(value, words):
    with pytest.raises(FieldProblem) as caught:
        from_dict(Train, value)
    assert words in str(caught.value)


def test_a_missing_key_is_named():
    with pytest.raises(FieldProblem, match="the key 'kind' is missing"):
        from_dict(Recipe, {"name": "toy"})


def test_whole_numbers_do_for_numbers_and_blocks_nest():
    train = from_dict(Train, {"learning_rate": 1, "save_every": {"steps": 7}})
    assert (train.learning_rate, type(train.learning_rate)) == (1.0, float)
    assert train.save_every == SaveEvery(7)
