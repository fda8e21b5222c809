"""kill -9 anywhere in a run, then `--resume`: nothing is lost, nothing is done twice, and the weights are the same."""

import json
import random
from collections.abc import Iterator

import pytest
from support.fork_server import ForkServer
from support.home import Home
from support.served import rest
from support.typed import Typed, warm

from engram.files import is_locked

# Where each process of a run dies. Crash points of single rooms have matrices of their own beside those rooms.
CHILD_POINTS = [
    "data.before-rename",
    "judge.after-report",
    "judge.after-verdict",
    "judge.after-report:4",
    "train.after-step:7",
    "checkpoint.before-pointer:2",
    "worker.after-candidate",
    "export.after-write",
]
PARENT_POINTS = [
    "ledger.after-fsync:3",
    "ledger.after-checkpoint:4",
    "run.after-event:12",
    "publish.before-certificate",
    "publish.before-rename",
    "publish.after-rename",
]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer | None]:
    with warm() as running:
        yield running


@pytest.fixture
def quick(fresh: Home, server: ForkServer | None) -> Home:
    """The fresh home, with commands that don't wait for imports; the run without a fault had its own interpreters."""
    return Typed(fresh.folder, server=server)


def finish(home: Home, expected: dict[str, bytes]) -> None:
    """Resume the only run until it is published, and check everything that a crash could have spoilt."""
    done = home.engram("train", "--resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    (artifact,) = home.artifacts()
    assert {path.name: path.read_bytes() for path in sorted(artifact.rglob("*.safetensors"))} == expected
    assert home.engram("verify", str(artifact)).returncode == 0
    assert home.engram("verify", str(home.home / "ledger")).returncode == 0
    types = [entry["type"] for entry in home.json("ledger", "log")]
    assert types.count("run.declared") == 1
    assert types.count("artifact.certified") == 1
    assert types.count("run.judged") == 5
    assert home.record()["state"] == "published"
    assert not [path for path in (home.home / "artifacts").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("point", CHILD_POINTS)
def test_a_child_that_dies_fails_the_attempt_and_the_next_one_goes_on(quick, uninterrupted, point):
    done = quick.engram("train", "toy.yaml", environment={"ENGRAM_CRASHPOINT": point})
    assert done.returncode == 1
    assert "--resume" in done.stderr
    assert quick.record()["state"] == "failed_platform"
    assert quick.artifacts() == []
    finish(quick, uninterrupted[1])


@pytest.mark.parametrize("point", PARENT_POINTS)
def test_a_parent_that_dies_is_seen_as_lost_contact_and_the_next_one_goes_on(quick, uninterrupted, point):
    done = quick.engram("train", "toy.yaml", environment={"ENGRAM_CRASHPOINT": point})
    assert done.returncode == -9
    assert not is_locked(quick.home)
    listed = quick.json("runs", "list")
    assert [one["state"] for one in listed] == ["lost_contact"]
    finish(quick, uninterrupted[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_three_random_kills_in_one_run(quick, uninterrupted, seed):
    chance = random.Random(seed)
    points = ["train.after-step", "run.after-event", "judge.after-report", "ledger.after-write"]
    first = True
    for _ in range(3):
        point = f"{chance.choice(points)}:{chance.randint(1, 9)}"
        arguments = ("toy.yaml",) if first else ("--resume", "last")
        first = False
        quick.engram("train", *arguments, environment={"ENGRAM_CRASHPOINT": point})
    if json.loads((quick.last_run() / "run.json").read_text())["state"] != "published":
        finish(quick, uninterrupted[1])


def test_pause_and_resume_by_command(fresh, uninterrupted):
    """The control file is read between steps; a paused run ends with exit 0 and goes on bit for bit."""
    run = fresh.start("train", "toy.yaml", environment={"ENGRAM_CRASHPOINT": ""})
    while run.poll() is None and not list(fresh.home.glob("runs/r_*/checkpoints/latest.json")):
        rest()
    asked = fresh.engram("runs", "pause", "last")
    assert run.wait(timeout=120) == 0
    if asked.returncode == 0 and fresh.record()["state"] == "paused":
        assert fresh.artifacts() == []
        finish(fresh, uninterrupted[1])
    else:  # the training was over before the command came
        assert fresh.record()["state"] == "published"
