"""Gates are declared before training: the card's defaults, tightened by the recipe, known by one digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from engram.errors import UnknownName, UsageError
from engram.gate.criteria import check_criterion
from engram.gate.digest import declaration_digest as declaration_digest
from engram.schema.criterion import Criterion

STAGES = ("data", "baseline", "train", "evaluate", "export", "simulate", "publish")

Gates = Mapping[str, tuple[Criterion, ...]]


def declare(card_gates: Gates, recipe_gates: Gates, *, stages: Collection[str] = STAGES) -> Gates:
    """Return the gates of a run: everything that the card asks, and what the recipe asks on top.

    Where both make the same demand of a metric (say `at_least`), the recipe's stands if it is at least as strict in
    bound and severity. A recipe may give several lines for one demand, as a critical bound and a stricter major one.

    Raises UsageError when a recipe would loosen the card, when a criterion does not say exactly one thing, and for a
    stage that does not exist (whose gate nobody would ever ask).

    >>> card = {"evaluate": (Criterion("accuracy", at_least=0.8),)}
    >>> declare(card, {"evaluate": (Criterion("accuracy", at_least=0.9),)})["evaluate"][0].at_least
    0.9
    """
    for stage, criteria in (*card_gates.items(), *recipe_gates.items()):
        if stage not in stages:
            raise UnknownName.of("gate stage", stage, stages)
        for criterion in criteria:
            check_criterion(criterion)
    declared = {
        stage: _merge(stage, card_gates.get(stage, ()), recipe_gates.get(stage, ()))
        for stage in sorted({*card_gates, *recipe_gates})
    }
    return {stage: criteria for stage, criteria in declared.items() if criteria}


def is_as_strict(ours: Criterion, theirs: Criterion) -> bool:
    """Tell whether whatever passes `ours` passes `theirs`, and a miss of `ours` weighs at least as much.

    >>> is_as_strict(Criterion("ece", at_most=0.05), Criterion("ece", at_most=0.1))
    True
    """
    (op, bound), (their_op, their_bound) = ours.demand(), theirs.demand()
    if ours.metric != theirs.metric or op != their_op or (theirs.severity == "critical" and ours.severity == "major"):
        return False
    if op == "==":
        return bound == their_bound
    return bound <= their_bound if op == "<=" else bound >= their_bound


def _merge(stage: str, card: Sequence[Criterion], recipe: Sequence[Criterion]) -> tuple[Criterion, ...]:
    kept: list[Criterion] = []
    for default in card:
        rivals = [ours for ours in recipe if (ours.metric, ours.demand()[0]) == (default.metric, default.demand()[0])]
        if not rivals:
            kept.append(default)
        elif not any(is_as_strict(ours, default) for ours in rivals):
            raise _loosens(stage, default, rivals[0])
    return (*kept, *recipe)


def _loosens(stage: str, default: Criterion, ours: Criterion) -> UsageError:
    asked = " ".join(map(str, default.demand()))
    given = " ".join(map(str, ours.demand()))
    return UsageError(
        f"The recipe loosens the gate of stage {stage!r}: the default is {default.metric} {asked} "
        f"({default.severity}), and the recipe gives {given} ({ours.severity}).",
        remedy="A recipe may tighten and add; only an Admin's policy loosens. Tighten the line or remove it.",
    )
