"""Two processes of torchrun learn what one learns with twice the accumulation, and leave the same checkpoints."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support import jobs
from support.processes import alone, torchrun

from engram.files import read_json

pytestmark = pytest.mark.skipif(os.name == "nt", reason="torchrun is started on Linux and macOS only")

EQUAL = ("exact_ddp", "exact_fsdp2", "ddp", "fsdp2")
# In 64 bits only the order of sums differs. In 32 bits Adam divides that noise by its own size where a gradient is
# zero but for noise (the bias of the keys), so what is held there is every loss of the way.
TOLERANCE, LOSS_TOLERANCE = 1e-9, 2e-4


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every task by two processes, in one start of torchrun; what is killed dies in a start of its own."""
    folder = tmp_path_factory.mktemp("together")
    others = ("dropout", "halves", "pause", "callback", "nothing_to_learn", "no_way")
    do(folder, *EQUAL, *others)
    done = torchrun(folder, "killed")
    assert done.returncode != 0
    alone(folder / "crowd", "pause")
    do(folder, "after_death", "crowd/go_on")
    alone(folder, "go_on")
    return folder


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory):
    """Give the folder of a task done by one process."""
    root = tmp_path_factory.mktemp("single")

    @cache
    def run(task: str) -> Path:
        alone(root, task)
        return root / task

    return run


def do(folder: Path, *tasks: str) -> None:
    done = torchrun(folder, *tasks)
    told = [line for line in done.stderr.splitlines() if line.startswith("[rank")]
    assert done.returncode == 0, "\n".join(told or [done.stderr])


def weights(folder: Path, name: str = "latest") -> dict[str, torch.Tensor]:
    pointer = read_json(folder / "checkpoints" / f"{name}.json")
    return load_file(folder / "checkpoints" / pointer["folder"] / "weights.safetensors")


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one if one[name].is_floating_point())


def losses(folder: Path) -> dict[str, float]:
    return {key: float(value) for key, value in jobs.curve(folder).items() if "loss" in key}


@pytest.mark.parametrize("task", ["exact_ddp", "exact_fsdp2"])
def test_two_processes_learn_what_one_learns_with_twice_the_accumulation(together, single, task):
    assert distance(weights(together / task), weights(single(task))) < TOLERANCE
    assert read_json(together / task / "outcome.json") == read_json(single(task) / "outcome.json")


@pytest.mark.parametrize("task", EQUAL)
def test_every_loss_of_the_way_is_the_same(together, single, task):
    ours, theirs = losses(together / task), losses(single(task))
    assert ours.keys() == theirs.keys()
    assert len(ours) > 12
    assert max(abs(ours[key] - theirs[key]) / abs(theirs[key]) for key in ours) < LOSS_TOLERANCE


def test_the_comparison_would_see_a_step_without_the_other_process(together, single):
    ours, theirs = losses(together / "exact_ddp"), losses(single("half"))
    both = ours.keys() & theirs.keys()
    assert {"loss 2", "loss 3", "valid_loss 2"} <= both
    assert max(abs(ours[key] - theirs[key]) / abs(theirs[key]) for key in both) > 10 * LOSS_TOLERANCE


@pytest.mark.parametrize("task", EQUAL)
def test_checkpoints_are_those_of_one_process(together, single, task):
    for name in ("latest", "best"):
        ours, theirs = weights(together / task, name), weights(single(task), name)
        assert {key: tensor.shape for key, tensor in ours.items()} == {key: t.shape for key, t in theirs.items()}
    files = [
        {path.name for folder in (root / task / "checkpoints").glob("checkpoint-*") for path in folder.iterdir()}
        for root in (together, single(task).parent)
    ]
    assert files[0] == files[1]


def test_stopped_and_gone_on_is_what_it_is_in_one_go(together):
    assert jobs.curve(together / "halves") == jobs.curve(together / "dropout")
    assert jobs.fingerprint(together / "halves") == jobs.fingerprint(together / "dropout")


def test_killed_and_gone_on_is_what_it_is_in_one_go(together):
    """One of both was killed; the other ended by itself, and both went on from the last checkpoint."""
    told = [event["kind"] for event in jobs.events(together / "killed")]
    assert told.count("resumed") == 1
    assert jobs.curve(together / "killed") == jobs.curve(together / "dropout")
    assert jobs.fingerprint(together / "killed") == jobs.fingerprint(together / "dropout")


def test_each_process_draws_its_own_dropout(together):
    state = read_json(together / "dropout" / "checkpoints" / "latest.json")
    folder = together / "dropout" / "checkpoints" / state["folder"]
    random = load_file(folder / "random.safetensors")
    assert not torch.equal(random["torch"], random["rank1.torch"])


def test_a_command_is_obeyed_by_all(together):
    assert {path.name for path in (together / "pause").glob("paused-*")} == {"paused-0", "paused-1"}


@pytest.mark.parametrize("who", ["two, then one", "one, then two"])
def test_another_number_of_processes_goes_on_within_rounding_and_says_so(together, single, who):
    folder = together / "pause" if who == "two, then one" else together / "crowd" / "pause"
    notes = [event for event in jobs.events(folder) if event["kind"] == "note"]
    assert notes[0]["text"] == "resume: approximate"
    assert "world_size" in notes[0]["because_changed"]
    assert distance(weights(folder), weights(single("uninterrupted"))) < TOLERANCE


def test_a_callback_of_the_first_stops_all(together):
    assert json.loads((together / "callback" / "outcome.json").read_text())["steps"] == 4
    lines = (together / "callback" / "tracking" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines if "lr" in json.loads(line)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("nothing_to_learn", "no trainable target"),
        ("no_way", "There are 2 processes, and train.parallel is none"),
    ],
)
def test_all_end_with_the_same_words(together, task, words):
    told = [(together / task / f"told-{rank}").read_text() for rank in (0, 1)]
    assert told[0] == told[1]
    assert words.lower() in told[0].lower()
