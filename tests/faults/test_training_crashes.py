"""kill -9 at every named point and at random steps, then resume: what is left is what an undisturbed run leaves."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from support import jobs, tiny
from support.fork_server import ForkServer

import engram
from engram.proc import CRASHPOINT_VARIABLE
from engram.schema.recipe import Adapter, Train

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="crash points use SIGKILL, and the children are forks")

CASES: dict[str, tuple[Train, Adapter]] = {
    "lora-bf16": (replace(jobs.PLAN, precision="bf16"), tiny.LORA),
    "lora-fp32": (replace(jobs.PLAN, precision="fp32"), tiny.LORA),
    "full-bf16": (replace(jobs.PLAN, precision="bf16"), tiny.FULL),
    "full-fp32": (replace(jobs.PLAN, precision="fp32"), tiny.FULL),
    # Rows packed into sequences, in the presence of a callback that writes.
    "packed-bf16": (
        replace(
            jobs.PLAN, precision="bf16", packing=True, tokens_per_batch=40, max_steps=15, report_to=("jsonl",), seed=3
        ),
        tiny.LORA,
    ),
}
STEPS, SAVES = 15, 8

# The points that are there today; the matrix below takes whatever the source names.
MOMENTS = (
    "train.after-step",
    "checkpoint.during-write",
    "checkpoint.before-manifest",
    "checkpoint.before-fsync",
    "checkpoint.before-rename",
    "checkpoint.before-pointer",
    "checkpoint.after-pointer",
)


def points() -> list[str]:
    """Return every crash point that the source of the training room names."""
    room = Path(engram.__file__).parent / "train"
    return [
        name for path in sorted(room.glob("*.py")) for name in re.findall(r'crashpoint\("([^"]+)"\)', path.read_text())
    ]


def deaths() -> list[tuple[str, str]]:
    """Return (case, death): each point at its first pass and at a later one, and ten random steps."""
    chance = random.Random(20)
    found = []
    for number, case in enumerate(CASES):
        for place, point in enumerate(points()):
            nth = 1 if (place + number) % len(CASES) == 0 else chance.randint(2, SAVES)
            found.append((case, f"{point}:{nth}"))
    steps = chance.sample(range(1, STEPS + 1), 10)
    found += [("packed-bf16", f"train.after-step:{k}") for k in steps[:4]]
    return found + [(case, f"train.after-step:{k}") for case in ("lora-bf16", "full-fp32") for k in steps]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of an uninterrupted run of a case."""

    @cache
    def run(case: str) -> Path:
        folder = tmp_path_factory.mktemp(case)
        assert server.call(jobs.train, folder, *CASES[case]) == 0
        return folder

    return run


def die_and_resume(server: ForkServer, folder: Path, case: str, *how: str) -> None:
    """Start a training, let each of its processes die as told, and let the last one end."""
    for death in how:
        ended = server.call(jobs.train, folder, *CASES[case], environment={CRASHPOINT_VARIABLE: death})
        assert ended == -signal.SIGKILL, f"{death} was not reached"
    assert server.call(jobs.train, folder, *CASES[case]) == 0


def test_the_source_names_the_points():
    assert set(points()) >= set(MOMENTS)
    assert len(points()) == len(set(points()))


@pytest.mark.parametrize("case", CASES)
def test_the_undisturbed_run_is_worth_interrupting(undisturbed, case):
    events = jobs.events(undisturbed(case))
    assert max(event.get("step", 0) for event in events) == STEPS  # notes have none
    assert sum(event["kind"] == "checkpoint" for event in events) >= SAVES
    left = jobs.fingerprint(undisturbed(case))
    assert set(left["folders"]) == {"best.json", "latest.json", left["best"]["folder"], left["latest"]["folder"]}
    if case.startswith("lora"):
        assert left["best weights"] != left["latest weights"]


def test_two_undisturbed_runs_are_the_same(server, undisturbed, tmp_path):
    assert server.call(jobs.train, tmp_path, *CASES["lora-bf16"]) == 0
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(undisturbed("lora-bf16"))


def test_the_comparison_would_see_another_seed(server, undisturbed, tmp_path):
    options, adapter = CASES["lora-bf16"]
    assert server.call(jobs.train, tmp_path, replace(options, seed=8), adapter) == 0
    assert jobs.fingerprint(tmp_path)["latest weights"] != jobs.fingerprint(undisturbed("lora-bf16"))["latest weights"]
    assert jobs.curve(tmp_path) != jobs.curve(undisturbed("lora-bf16"))


@pytest.mark.parametrize(("case", "death"), deaths())
def test_a_killed_and_resumed_run_is_the_undisturbed_one(server, undisturbed, tmp_path, case, death):
    die_and_resume(server, tmp_path, case, death)
    assert jobs.curve(tmp_path) == jobs.curve(undisturbed(case))
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(undisturbed(case))


@pytest.mark.parametrize(
    "how",
    [
        ("train.after-step:4", "checkpoint.before-rename:2", "train.after-step:3"),
        ("checkpoint.before-pointer:2", "checkpoint.before-pointer:1", "checkpoint.before-pointer:1"),
        ("checkpoint.after-pointer:3", "checkpoint.after-pointer:1", "checkpoint.during-write:2"),
    ],
)
def test_a_resumed_run_may_be_killed_again(server, undisturbed, tmp_path, how):
    die_and_resume(server, tmp_path, "lora-bf16", *how)
    assert jobs.curve(tmp_path) == jobs.curve(undisturbed("lora-bf16"))
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(undisturbed("lora-bf16"))


def test_what_a_tracker_wrote_is_part_of_the_comparison(undisturbed):
    tracked = jobs.fingerprint(undisturbed("packed-bf16"))["tracked"]
    assert [line["step"] for line in tracked if "loss" in line] == list(range(1, STEPS + 1))
    assert tracked[0].keys() == {"step", "epoch", "valid_loss"}


@pytest.mark.parametrize("case", ["lora-bf16", "full-fp32"])
def test_the_best_is_named_when_the_process_died_between_both_pointers(server, undisturbed, tmp_path, case):
    """`latest` names the checkpoint already and `best` does not yet, and no later step is better."""
    told, best, passes = jobs.events(undisturbed(case)), float("inf"), 0
    best_step = 0
    last_best = int(jobs.fingerprint(undisturbed(case))["best"]["folder"].split("-")[1])
    for event in told:
        if event["kind"] == "checkpoint":
            passes += 1  # latest
            if event["step"] == last_best:
                break
            passes += event["step"] == best_step  # best
        elif event.get("valid_loss", best) < best:
            best, best_step = event["valid_loss"], event["step"]
    die_and_resume(server, tmp_path, case, f"checkpoint.after-pointer:{passes}")
    assert [e["step"] for e in jobs.events(tmp_path) if e["kind"] == "resumed"] == [last_best]
    assert jobs.fingerprint(tmp_path) == jobs.fingerprint(undisturbed(case))


def test_a_resumed_run_goes_on_where_it_was_and_not_from_the_start(server, tmp_path):
    die_and_resume(server, tmp_path, "lora-bf16", "train.after-step:11")
    told = jobs.events(tmp_path)
    place = [event["kind"] for event in told].index("resumed")
    saved = [event["step"] for event in told[:place] if event["kind"] == "checkpoint"]
    assert told[place]["step"] == saved[-1] >= 9
    assert {event["step"] for event in told[place:] if "loss" in event} == set(range(saved[-1] + 1, STEPS + 1))
