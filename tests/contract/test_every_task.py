"""What the code of every kind must keep for each of its tasks; `support.kinds` has a small example of each."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.kinds import SMALL, Small

from engram import registry
from engram.errors import EngramError, Paused
from engram.pipeline import protocol
from engram.schema.card import TaskCard
from engram.schema.recipe import SaveEvery
from engram.train.adapter import trained_weights
from engram.train.fitting import Fitting
from engram.train.loop import fit
from engram.train.training import Outcome, Training

TASKS = [(kind, task) for kind in registry.names("kind") for task in registry.get("kind", kind).tasks]
STEPS, PAUSED_AT = 6, 3
CLOSE = 2e-5


@dataclass(frozen=True)
class Case:
    """A task, its code and its small example."""

    kind: str
    task: str
    code: Any
    small: Small

    def load(self) -> Any:
        return self.code.load(self.small.recipe, self.small.labels)

    @property
    def card(self) -> TaskCard:
        found: TaskCard = registry.get("kind", self.kind).tasks[self.task]
        return found


@pytest.fixture(scope="module", params=TASKS, ids=[f"{kind}-{task}" for kind, task in TASKS])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    kind, task = request.param
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp(f"{kind}-{task}")
    code = importlib.import_module(registry.get("kind", kind).code).task(task)
    yield Case(kind, task, code, SMALL[kind, task](folder))
    torch.set_num_threads(before)


def of_rows(case: Case) -> None:
    """Pass over a task that learns by acting: what such a test asks of its rows' losses, it has none of."""
    if case.card.played:
        assert all(hasattr(case.code, name) for name in protocol.PLAYED)
        pytest.skip("it learns by acting, and has no loss of rows")


def test_every_task_has_an_example():
    assert sorted(SMALL) == sorted(TASKS)


def test_it_has_what_the_pipeline_calls_under_the_names_of_its_parameters(case):
    names = [name for name in protocol.NAMES if name not in protocol.LOOP]
    for name in (*names, *(protocol.PLAYED if case.card.played else protocol.LOOP)):
        assert hasattr(case.code, name), name
        wanted = getattr(protocol.TaskCode, name, None) or getattr(protocol.PlayedCode, name, None)
        if not inspect.isfunction(wanted):
            continue
        asked = [one for one in inspect.signature(wanted).parameters.values() if one.name != "self"]
        given = list(inspect.signature(getattr(case.code, name)).parameters.values())
        assert len(given) >= len(asked), name
        for ours, theirs in zip(given, asked, strict=False):
            assert ours.default is not ours.empty or theirs.default is theirs.empty, (name, ours.name)


def test_what_its_data_gate_asks_is_measured(case):
    task = registry.get("kind", case.kind).tasks[case.task]
    room = {"missing_values", "leaked_test_rows", "rows_read", "rows_kept", "rows_dropped"}
    asked = {criterion.metric for criterion in task.gates["data"]} - room
    found = case.code.examine(case.small.recipe, [case.small.train, case.small.test], case.small.labels)
    assert asked <= set(found)
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())


def test_the_same_recipe_makes_the_same_model_from_the_same_base(case):
    one, other = case.load(), case.load()
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name
    assert one.base.digest == case.code.find_base(case.small.recipe.model).digest


def test_no_row_depends_on_those_that_stand_beside_it(case):
    """So gradients add up: 8 batches of 1 are 1 batch of 8, and batches may be filled by length."""
    of_rows(case)
    loaded = case.load()
    loaded.model.eval()
    examples = case.code.prepare(loaded, case.small.train)
    rows = range(len(examples.lengths))
    with torch.no_grad():
        whole, count = case.code.loss(loaded.model, case.code.collate(loaded, examples, list(rows)))
        single = [case.code.loss(loaded.model, case.code.collate(loaded, examples, [row])) for row in rows]
        mixed, _ = case.code.loss(loaded.model, case.code.collate(loaded, examples, list(rows)[::-1]))
    assert sum(targets for _, targets in single) == count > 0
    assert float(sum(total for total, _ in single)) == pytest.approx(float(whole), rel=CLOSE)
    assert float(mixed) == pytest.approx(float(whole), rel=CLOSE)
    assert case.small.even or len(set(examples.lengths)) > 1, "the example has rows of different lengths"


def test_rows_are_answered_in_their_order_whatever_the_order_is(case):
    loaded = case.load()
    there = case.code.predict(loaded, case.code.prepare(loaded, case.small.test))
    back = case.code.predict(loaded, case.code.prepare(loaded, case.small.test[::-1]))
    assert there.answers.rows == len(case.small.test)
    assert isinstance(there.answers, case.code.ANSWERS)
    if case.task == "classify":
        assert np.abs(there.logits - back.logits[::-1]).max() < 1e-4
    again = case.code.predict(loaded, case.code.prepare(loaded, case.small.test))
    assert np.array_equal(there.logits, again.logits)


def test_its_reference_baseline_is_among_its_baselines(case):
    loaded = case.load()
    train, test = (case.code.prepare(loaded, rows) for rows in (case.small.train, case.small.test))
    heard: list[tuple[int, int]] = []
    found = case.code.baselines(loaded, train, test, lambda done, total: heard.append((done, total)))
    assert registry.get("kind", case.kind).tasks[case.task].reference_baseline in found
    for answers in found.values():
        assert isinstance(answers, case.code.ANSWERS)
        answers.check()
        assert answers.rows == len(case.small.test)
    assert heard
    assert all(0 < done <= total for done, total in heard)


def learn(case: Case, folder: Path, command: Callable[[], str] = lambda: "none") -> tuple[Any, Outcome]:
    """Train the example, or go on where an interrupted training of it stands."""
    if not case.card.played:
        loaded, training = job(case, folder, command)
        return loaded, fit(training)
    loaded = case.load()
    train, valid = (case.code.prepare(loaded, rows) for rows in (case.small.train, case.small.test))
    return loaded, case.code.fit(loaded, train, valid, Fitting(case.small.recipe.train, folder, command=command))


def job(case: Case, folder: Path, command: Callable[[], str] = lambda: "none") -> tuple[Any, Training]:
    loaded, code = case.load(), case.code
    train, valid = (code.prepare(loaded, rows) for rows in (case.small.train, case.small.test))
    vary = getattr(code, "vary", None)
    options = replace(
        case.small.recipe.train,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        max_steps=STEPS,
        eval_every=2,
        save_every=SaveEvery(2),
        early_stopping_patience=0,
    )
    return loaded, Training(
        model=loaded.model,
        loss=code.loss,
        lengths=train.lengths,
        collate=lambda rows: code.collate(loaded, train, rows),
        vary=(lambda rows, epoch: vary(loaded, train, rows, epoch)) if vary else None,
        valid_batches=lambda: code.scoring_batches(loaded, valid),
        options=options,
        folder=folder,
        command=command,
    )


def trained(case: Case, folder: Path) -> tuple[dict[str, torch.Tensor], Outcome]:
    loaded, outcome = learn(case, folder)
    return {name: tensor.clone() for name, tensor in trained_weights(loaded.model).items()}, outcome


def test_a_training_that_was_interrupted_ends_as_if_it_had_not_been(case, tmp_path):
    whole, outcome = trained(case, tmp_path / "whole")
    assert outcome.best_valid_loss < outcome.first_valid_loss
    steps = itertools.count(1)
    with pytest.raises(Paused):
        learn(case, tmp_path / "parts", lambda: "pause" if next(steps) == PAUSED_AT else "none")
    torch.manual_seed(12345)  # whatever another process would have drawn meanwhile
    np.random.seed(12345)
    resumed, again = trained(case, tmp_path / "parts")
    assert again.steps == outcome.steps == (case.small.recipe.train.max_steps if case.card.played else STEPS)
    assert resumed.keys() == whole.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_what_varies_is_drawn_by_seed_epoch_and_row_alone(case):
    vary = getattr(case.code, "vary", None)
    if vary is None:
        assert all(registry.get("prep step", one.name).on not in VARYING for one in case.small.recipe.prep)
        return
    loaded = case.load()
    examples = case.code.prepare(loaded, case.small.train)
    first, again, other = (vary(loaded, examples, [3], epoch) for epoch in (0, 0, 1))
    beside = vary(loaded, examples, [5, 3], 0)
    loaded.model.eval()
    with torch.no_grad():
        losses = [float(case.code.loss(loaded.model, batch)[0]) for batch in (first, again, other)]
        alone = float(case.code.loss(loaded.model, vary(loaded, examples, [5], 0))[0])
        both = float(case.code.loss(loaded.model, beside)[0])
    assert losses[0] == losses[1] != losses[2]
    assert both == pytest.approx(alone + losses[0], rel=CLOSE)


VARYING = ("samples", "features")


def test_it_answers_inputs_as_it_answers_rows_and_refuses_others_in_words(case):
    loaded = case.load()
    asked = [json.loads(json.dumps(row.input)) for row in case.small.test[:3]]
    answers = case.code.answer(loaded, asked)
    assert len(answers) == len(asked)
    assert all(isinstance(json.loads(json.dumps(one)), dict) for one in answers)
    if case.task == "classify":
        told = case.code.predict(loaded, case.code.prepare(loaded, case.small.test[:3])).answers
        assert [one["label"] for one in answers] == [case.small.labels[guess] for guess in told.guess]
    for bad in case.small.bad:
        with pytest.raises((EngramError, TypeError, ValueError, KeyError)):
            case.code.answer(loaded, [bad])


@pytest.mark.parametrize("name", ["adapter", "merged", "weights"])
def test_an_export_that_was_reopened_is_the_model(case, name, tmp_path):
    plain = case.card.played  # a policy is no model of transformers: it goes by its weights and a plain configuration
    if (name == "weights") != plain:
        assert name not in case.card.exports or not plain
        pytest.skip("the other kinds of models go by it")
    assert name in case.card.exports
    loaded, _ = learn(case, tmp_path / "training")
    wanted = case.code.predict(loaded, case.code.prepare(loaded, case.small.test))
    case.code.export(loaded, name, tmp_path / name)
    recipe = replace(case.small.recipe, export=(name,))
    again = case.code.reopen(name, tmp_path / name, loaded.base, tuple(case.small.labels), recipe)
    found = case.code.predict(again, case.code.prepare(again, case.small.test))
    assert np.abs(found.logits - wanted.logits).max() <= 1e-4
