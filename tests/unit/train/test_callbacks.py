"""Callbacks look on and may ask to stop; they disturb nothing, and their faults carry their name."""

from __future__ import annotations

import random
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from support import jobs, tiny

from engram import registry
from engram.errors import Paused, UnknownName, UserError
from engram.train import callbacks
from engram.train.callbacks import About, load_callbacks
from engram.train.loop import fit

OPTIONS = replace(jobs.PLAN, precision="bf16", callbacks=("mine",))


@pytest.fixture
def register(monkeypatch):
    """Return a function that registers callbacks by name, as an installed plugin would."""
    known = {}
    plain = registry.get
    monkeypatch.setattr(
        callbacks.registry, "get", lambda what, name: known[name] if name in known else plain(what, name)
    )
    return lambda **made: known.update(made)


class Recorder:
    """Keeps what it was told."""

    def __init__(self, about: About) -> None:
        self.about, self.told = about, []

    def __getattr__(self, name):
        if name not in callbacks.EVENTS:
            raise AttributeError(name)
        return lambda state, control, **numbers: self.told.append((name, state, numbers))

    def names(self) -> list[str]:
        return [name for name, _, _ in self.told]


def recorded(register, folder, **parts) -> Recorder:
    """Train with a recorder and return it."""
    made = []
    register(mine=lambda about: made.append(Recorder(about)) or made[0])
    fit(jobs.make_job(folder / "checkpoints", parts.pop("options", OPTIONS), **parts))
    return made[0]


def test_a_callback_is_told_everything_in_its_order(register, tmp_path):
    told = recorded(register, tmp_path).told
    names = [name for name, _, _ in told]
    assert names[:3] == ["on_train_begin", "on_log", "on_evaluate"]
    assert names[3:5] == ["on_log", "on_step_end"]
    assert names[-1] == "on_train_end"
    assert names.count("on_step_end") == 15
    assert names.count("on_epoch_end") == 3
    assert set(names) == set(callbacks.EVENTS)
    steps = [state.global_step for _, state, _ in told]
    assert steps == sorted(steps)
    end = told[-1][1]
    assert (end.global_step, end.max_steps, end.epoch, end.status, end.resumed) == (15, 15, 3.0, "finished", False)
    assert told[0][1].status == "running"


def test_the_numbers_are_those_of_the_journal(register, tmp_path):
    journal = []
    parts = {"emit": lambda kind, body: journal.append(body) if kind == "metric" else None}
    told = recorded(register, tmp_path, **parts).told
    logged = [
        {"step": state.global_step, "total": 15, **numbers["logs"]} for n, state, numbers in told if n == "on_log"
    ]
    assert logged == journal
    losses = [body["valid_loss"] for body in journal if "valid_loss" in body]
    assert [numbers["metrics"]["valid_loss"] for n, _, numbers in told if n == "on_evaluate"] == losses
    assert told[-1][1].best_metric == min(losses)


def test_logs_come_as_often_as_the_recipe_says(register, tmp_path):
    told = recorded(register, tmp_path, options=replace(OPTIONS, logging_steps=4)).told
    steps = [state.global_step for name, state, numbers in told if name == "on_log" and "loss" in numbers["logs"]]
    assert steps == [4, 8, 12]


def test_a_callback_knows_its_run_and_where_it_may_write(register, tmp_path):
    parts = {"run": "r_7", "config": {"name": "toy"}}
    about = recorded(register, tmp_path, **parts).about
    assert (about.run, about.config, about.folder) == ("r_7", {"name": "toy"}, tmp_path / "tracking")
    assert recorded(register, tmp_path / "b", tracking=tmp_path / "else").about.folder == tmp_path / "else"


def test_what_it_is_shown_can_not_be_changed(register, tmp_path):
    _, state, numbers = next(t for t in recorded(register, tmp_path).told if t[0] == "on_log")
    with pytest.raises(FrozenInstanceError):
        state.global_step = 9
    with pytest.raises(TypeError):
        numbers["logs"]["valid_loss"] = 0.0


class Dice:
    """Draws from every generator at every chance, and reseeds them."""

    def __init__(self, about: About) -> None:
        self.draw()

    def draw(self, *_, **__) -> None:
        torch.manual_seed(random.randrange(9))
        random.seed(np.random.randint(9))
        np.random.seed(4)

    on_train_begin = on_step_end = on_log = on_evaluate = on_save = on_epoch_end = on_train_end = draw


def test_a_callback_that_draws_random_numbers_changes_nothing(register, tmp_path):
    register(mine=Dice)
    jobs.train(tmp_path / "with", OPTIONS, tiny.LORA)
    jobs.train(tmp_path / "without", replace(OPTIONS, callbacks=()), tiny.LORA)
    assert jobs.curve(tmp_path / "with") == jobs.curve(tmp_path / "without")
    one, other = (jobs.fingerprint(tmp_path / name) for name in ("with", "without"))
    assert one["latest weights"] == other["latest weights"]


class StopAt:
    """Asks to stop at a step, counting the steps itself and keeping the count in checkpoints."""

    def __init__(self, about: About, step: int = 7, event: str = "on_step_end") -> None:
        self.seen, self.step = 0, step
        setattr(self, event, self.count)

    def count(self, state, control, **_) -> None:
        self.seen += 1
        control.should_training_stop = self.seen >= self.step

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, kept) -> None:
        self.seen = kept["seen"]


def test_a_callback_that_asks_ends_the_training_as_if_it_had_been_shorter(register, tmp_path):
    register(mine=StopAt)
    said = []
    outcome = fit(jobs.make_job(tmp_path, OPTIONS, emit=lambda kind, body: said.append((kind, body))))
    assert (outcome.steps, outcome.stopped_early) == (7, True)
    assert said[-1] == ("checkpoint", {"step": 7, "folder": "checkpoint-7"})
    assert ("note", {"text": "the callback mine asked to stop"}) in said
    assert [body["step"] for kind, body in said if "valid_loss" in body][-2:] == [6, 7]
    again = fit(jobs.make_job(tmp_path, OPTIONS))
    assert again == outcome


def test_a_callback_may_ask_after_a_validation(register, tmp_path):
    register(mine=lambda about: StopAt(about, step=3, event="on_evaluate"))
    outcome = fit(jobs.make_job(tmp_path, OPTIONS))
    assert outcome.steps == 4  # validations after the steps 0, 2 and 4


def test_what_a_callback_counts_goes_on_over_a_resume(register, tmp_path):
    register(mine=StopAt)
    for step in (2, 5):
        with pytest.raises(Paused):
            jobs.train(tmp_path, OPTIONS, tiny.LORA, {step: "pause"})
    assert jobs.train(tmp_path, OPTIONS, tiny.LORA).steps == 7


class Broken:
    """Fails in one of its methods."""

    def __init__(self, about: About, event: str) -> None:
        self.event = event

    def __getattr__(self, name):
        if name not in callbacks.EVENTS:
            raise AttributeError(name)
        return self.fail if name == self.event else lambda *_, **__: None

    def fail(self, *_, **__):
        raise RuntimeError("no room left")


@pytest.mark.parametrize("event", callbacks.EVENTS)
def test_a_fault_in_a_callback_is_told_with_its_name(register, tmp_path, event):
    register(mine=lambda about: Broken(about, event))
    with pytest.raises(UserError, match=rf"callback 'mine' failed in {event}: RuntimeError: no room left") as caught:
        fit(jobs.make_job(tmp_path, OPTIONS))
    assert "train.callbacks" in caught.value.remedy


def test_a_fault_at_the_end_does_not_hide_why_training_ended(register, tmp_path):
    register(mine=lambda about: Broken(about, "on_train_end"))
    with pytest.raises(Paused, match="after step 1") as caught:
        fit(jobs.make_job(tmp_path, OPTIONS, command=lambda: "pause"))
    assert "no room left" in caught.value.__notes__[0]


@pytest.mark.parametrize(("word", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_callback_is_told_how_training_ended(register, tmp_path, word, status):
    made = []
    register(mine=lambda about: made.append(Recorder(about)) or made[0])
    with pytest.raises(Exception, match="after step 1"):
        fit(jobs.make_job(tmp_path, OPTIONS, command=lambda: word))
    assert made[0].told[-1][0] == "on_train_end"
    assert made[0].told[-1][1].status == status


def test_state_that_json_can_not_hold_is_told_with_the_name(register, tmp_path):
    class Hoarder(StopAt):
        def state_dict(self):
            return {"seen": float("nan")}

    register(mine=Hoarder)
    with pytest.raises(UserError, match="callback 'mine' failed in state_dict"):
        fit(jobs.make_job(tmp_path, OPTIONS))


def test_an_object_without_any_of_the_methods_is_refused(register, tmp_path):
    register(mine=lambda about: object())
    with pytest.raises(UserError, match="has none of the methods"):
        fit(jobs.make_job(tmp_path, OPTIONS))


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(UnknownName, match=r"Unknown callback 'jsonlines'\. Known: .*Did you mean 'jsonl'"):
        load_callbacks(replace(OPTIONS, callbacks=("jsonlines",)), About("r", tmp_path))


def test_a_plugin_enters_by_its_entry_point_when_it_is_allowed(tmp_path, monkeypatch):
    """A package as pip installs it: code, and a dist-info that names its callback."""
    (tmp_path / "their_watch.py").write_text("class Watch:\n    def on_log(self, state, control, logs): pass\n"
                                             "def make(about): return Watch()\n")  # fmt: skip
    info = tmp_path / "their_watch-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-watch\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[engram.callbacks]\nwatch = their_watch:make\njsonl = their_watch:make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._points.cache_clear()
    try:
        assert "watch" not in registry.names("callback")
        monkeypatch.setenv("ENGRAM_PLUGINS", "their-watch")
        registry._points.cache_clear()
        found = load_callbacks(replace(OPTIONS, callbacks=("watch",), report_to=("jsonl",)), About("r", tmp_path))
        assert type(found.members["watch"]).__name__ == "Watch"
        assert type(found.members["jsonl"]).__name__ == "JsonLines"  # what is built in is not replaced
    finally:
        monkeypatch.undo()
        registry._points.cache_clear()
