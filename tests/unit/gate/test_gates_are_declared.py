"""A recipe may tighten its gates and add to them; it can't loosen the card's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import UnknownName, UsageError
from engram.gate.criteria import judge
from engram.gate.defaults import declaration_digest, declare, is_as_strict
from engram.schema.codec import from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.report import Measure, Report

GAIN = Criterion("accuracy", gain_over="baseline")
CARD = {"evaluate": (GAIN,), "data": (Criterion("leaked", equals=0.0), Criterion("lost", at_most=0.01))}


def test_without_a_word_from_the_recipe_the_card_stands() -> None:
    assert declare(CARD, {}) == CARD


def test_a_recipe_adds_a_demand_beside_the_cards() -> None:
    extra = Criterion("accuracy", at_least=0.88, severity="major")
    assert declare(CARD, {"evaluate": (extra,)})["evaluate"] == (GAIN, extra)


def test_a_recipe_adds_a_gate_to_a_stage_that_had_none() -> None:
    extra = Criterion("p95_ms", at_most=200.0)
    assert declare(CARD, {"simulate": (extra,)}) == {**CARD, "simulate": (extra,)}


@pytest.mark.parametrize(
    ("default", "stricter"),
    [
        (Criterion("a", at_least=0.8), Criterion("a", at_least=0.9)),
        (Criterion("a", at_most=0.2), Criterion("a", at_most=0.1)),
        (GAIN, Criterion("accuracy", gain_over="baseline", by=0.01)),
        (Criterion("a", at_least=0.8, severity="major"), Criterion("a", at_least=0.8, severity="critical")),
        (Criterion("a", equals=0.0), Criterion("a", equals=0.0)),
    ],
)
def test_the_stricter_line_wins(default: Criterion, stricter: Criterion) -> None:
    assert declare({"evaluate": (default,)}, {"evaluate": (stricter,)}) == {"evaluate": (stricter,)}


@pytest.mark.parametrize(
    ("default", "looser"),
    [
        (Criterion("a", at_least=0.8), Criterion("a", at_least=0.79)),
        (Criterion("a", at_most=0.2), Criterion("a", at_most=0.21)),
        (Criterion("a", equals=0.0), Criterion("a", equals=1.0)),
        (Criterion("a", equals=0.0), Criterion("a", equals=-1.0)),
        (GAIN, Criterion("accuracy", gain_over="baseline", by=-0.01)),
        (Criterion("a", at_least=0.8), Criterion("a", at_least=0.8, severity="major")),
        (Criterion("a", at_least=0.8), Criterion("a", at_least=0.9, severity="major")),
    ],
)
def test_loosening_is_an_error_that_says_who_may(default: Criterion, looser: Criterion) -> None:
    with pytest.raises(UsageError, match=r"loosens the gate of stage 'evaluate'.*only an Admin's policy loosens"):
        declare({"evaluate": (default,)}, {"evaluate": (looser,)})


def test_a_critical_floor_and_a_stricter_major_target_can_stand_together() -> None:
    floor, target = Criterion("a", at_least=0.8), Criterion("a", at_least=0.9, severity="major")
    assert declare({"evaluate": (floor,)}, {"evaluate": (floor, target)})["evaluate"] == (floor, target)


def test_a_stage_that_does_not_exist_is_an_error_because_its_gate_would_never_be_asked() -> None:
    with pytest.raises(UnknownName, match=r"Unknown gate stage 'evalaute'.*Did you mean 'evaluate'"):
        declare(CARD, {"evalaute": (GAIN,)})


def test_a_line_that_says_nothing_or_no_number_is_an_error() -> None:
    for bad in (Criterion("a"), Criterion("a", at_least=float("nan")), Criterion("a", at_least=float("-inf"))):
        with pytest.raises(UsageError):
            declare({}, {"evaluate": (bad,)})


def test_an_empty_list_declares_no_gate_and_removes_none() -> None:
    assert declare(CARD, {"evaluate": (), "export": ()}) == CARD


def test_the_digest_knows_every_word_of_the_gates_and_not_their_order_by_stage() -> None:
    known = declaration_digest(CARD)
    assert known == declaration_digest(dict(reversed(CARD.items())))
    for other in (
        {**CARD, "evaluate": ()},
        {**CARD, "evaluate": (Criterion("accuracy", gain_over="baseline", by=0.01),)},
        {**CARD, "evaluate": (Criterion("accuracy", gain_over="baseline", severity="major"),)},
        {"train": CARD["evaluate"], "data": CARD["data"]},
    ):
        assert declaration_digest(other) != known


def test_the_digest_is_the_same_after_the_gates_were_written_and_read() -> None:
    gates = {"data": (Criterion("leaked", equals=0),)}
    read = {stage: tuple(from_dict(Criterion, to_dict(line)) for line in lines) for stage, lines in gates.items()}
    assert declaration_digest(read) == declaration_digest(gates)


LINES = st.builds(
    lambda kind, bound, severity: Criterion("a", **{kind: bound}, severity=severity),
    st.sampled_from(["at_least", "at_most", "equals"]),
    st.sampled_from([0.0, 0.25, 0.5, 0.75]),
    st.sampled_from(["critical", "major"]),
)
GRAVITY = {"advance": 0, "review": 1, "rollback": 2}


@given(
    st.lists(LINES, min_size=1, max_size=3), st.lists(LINES, max_size=3), st.sampled_from([0.0, 0.25, 0.4, 0.5, 1.0])
)
def test_no_recipe_gets_a_milder_decision_than_the_card_alone(card, recipe, value: float) -> None:
    try:
        gates = declare({"evaluate": tuple(card)}, {"evaluate": tuple(recipe)})
    except UsageError:
        return
    assert all(any(is_as_strict(line, default) for line in gates["evaluate"]) for default in card)
    report = Report("r", "evaluate", 1, {"a": Measure(value)})
    alone, both = judge(report, card).decision, judge(report, gates["evaluate"]).decision
    assert GRAVITY[both] >= GRAVITY[alone]
