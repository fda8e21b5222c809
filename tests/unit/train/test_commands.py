"""Pause, cancel and checkpoint: obeyed between steps, and without a trace in what is learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support import jobs, tiny

from engram.errors import Cancelled, Paused
from engram.schema.recipe import Adapter

BF16 = replace(jobs.PLAN, precision="bf16")


@pytest.fixture(scope="module", params=[tiny.LORA, tiny.FULL], ids=["lora", "full"])
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adapter]:
    folder = tmp_path_factory.mktemp("undisturbed")
    jobs.train(folder, BF16, request.param)
    return folder, request.param


@pytest.mark.parametrize(("word", "error", "code"), [("pause", Paused, 0), ("cancel", Cancelled, 1)])
@pytest.mark.parametrize("step", [1, 7])
def test_a_stopped_and_resumed_run_is_the_undisturbed_one(undisturbed, tmp_path, word, error, code, step):
    folder, adapter = undisturbed
    with pytest.raises(error, match=f"after step {step} of 15") as caught:
        jobs.train(tmp_path, BF16, adapter, {step: word})
    assert caught.value.exit_code == code
    jobs.train(tmp_path, BF16, adapter)
    assert jobs.curve(tmp_path) == jobs.curve(folder)
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(folder)


def test_a_run_may_be_paused_after_every_step(undisturbed, tmp_path):
    folder, adapter = undisturbed
    for step in range(1, 15):
        with pytest.raises(Paused):
            jobs.train(tmp_path, BF16, adapter, {step: "pause"})
    jobs.train(tmp_path, BF16, adapter)
    assert jobs.curve(tmp_path) == jobs.curve(folder)
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(folder)


def test_a_checkpoint_on_demand_changes_nothing(undisturbed, tmp_path):
    folder, adapter = undisturbed
    jobs.train(tmp_path, BF16, adapter, dict.fromkeys((1, 5, 13), "checkpoint"))
    saved = [event["step"] for event in jobs.events(tmp_path) if event["kind"] == "checkpoint"]
    assert {1, 5, 13} <= set(saved)
    assert len(saved) == len(set(saved))
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(folder)


def test_a_finished_run_is_not_stopped_and_not_trained_again(undisturbed, tmp_path):
    _, adapter = undisturbed
    first = jobs.train(tmp_path, BF16, adapter, {15: "cancel"})
    steps = sum("loss" in event for event in jobs.events(tmp_path))
    again = jobs.train(tmp_path, BF16, adapter)
    assert again == first
    assert sum("loss" in event for event in jobs.events(tmp_path)) == steps == 15
