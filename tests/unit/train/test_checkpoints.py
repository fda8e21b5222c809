"""Checkpoints: whole or not there, and refused when they are not what was written or not this run's."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support import jobs, tiny

from engram.errors import CheckpointError
from engram.train import checkpoint
from engram.train.loop import fit

SHORT = replace(jobs.PLAN, max_steps=4, precision="fp32")
LONG = replace(SHORT, max_steps=6)
TENSORS = {"weights": {"w": torch.arange(6.0)}, "random": {"torch": torch.zeros(3, dtype=torch.uint8)}}
PAYLOAD = ("weights.safetensors", "optimizer.safetensors", "random.safetensors", "state.json", "manifest.json")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of a short training whose best step is its second and whose latest is its fourth."""
    root = tmp_path_factory.mktemp("trained") / "checkpoints"
    worse = {"calls": 0}

    def valid_batches():
        worse["calls"] += 1
        batches = list(jobs.Rows(12, seed=2, masked=0.0).batches())
        return batches if worse["calls"] < 3 else [{**b, "targets": (b["targets"] + 1) % 3} for b in batches]

    fit(jobs.make_job(root, SHORT, valid_batches=valid_batches))
    assert checkpoint.find(root, "best") != checkpoint.find(root, "latest")
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "checkpoints")


def flip(path: Path, where: int) -> None:
    content = bytearray(path.read_bytes())
    content[where % len(content)] ^= 0x04
    path.write_bytes(content)


def test_what_was_saved_is_what_is_loaded(tmp_path):
    folder = checkpoint.save(tmp_path, 7, TENSORS, {"progress": {"x": 0.1}})
    checkpoint.point(tmp_path, "latest", folder)
    found = checkpoint.find(tmp_path)
    assert found == tmp_path / "checkpoint-7"
    loaded = checkpoint.load(found)
    assert loaded.state == {"progress": {"x": 0.1}}
    assert torch.equal(loaded.tensors["weights"]["w"], torch.arange(6.0))
    assert loaded.tensors["random"]["torch"].dtype == torch.uint8


def test_a_checkpoint_holds_no_pickle(root):
    suffixes = {path.suffix for path in root.rglob("*") if path.is_file()}
    assert suffixes == {".safetensors", ".json"}


def test_there_is_none_before_the_first(tmp_path):
    assert checkpoint.find(tmp_path / "never") is None


@pytest.mark.parametrize("name", PAYLOAD)
@pytest.mark.parametrize("where", [0, 9, 40, -1], ids="at byte {}".format)
def test_a_flipped_byte_is_refused_and_its_file_named(root, name, where):
    latest = checkpoint.find(root)
    flip(latest / name, where)
    blamed = latest if name == "manifest.json" else latest / name  # the pointer holds the digest of the manifest
    with pytest.raises(CheckpointError) as caught:
        fit(jobs.make_job(root, LONG))
    assert str(blamed) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["latest", "best"])
def test_a_flipped_byte_anywhere_in_a_pointer_is_refused(root, name):
    path = root / f"{name}.json"
    whole = path.read_bytes()
    for where in range(len(whole)):
        flip(path, where)
        with pytest.raises(CheckpointError, match=name):
            checkpoint.find(root, name)
        path.write_bytes(whole)


@pytest.mark.parametrize("name", PAYLOAD)
def test_a_missing_file_is_refused(root, name):
    (checkpoint.find(root) / name).unlink()
    with pytest.raises(CheckpointError, match="checkpoint-4"):
        fit(jobs.make_job(root, LONG))


@pytest.mark.parametrize("name", PAYLOAD)
def test_a_damaged_best_checkpoint_never_becomes_the_candidate(root, name):
    best = checkpoint.find(root, "best")
    assert best.name == "checkpoint-2"
    flip(best / name, 9)
    with pytest.raises(CheckpointError, match="checkpoint-2"):
        fit(jobs.make_job(root, SHORT))  # it is finished: nothing is left to do but to name the best


@pytest.mark.parametrize("part", ["recipe", "split", "base"])
def test_a_checkpoint_of_another_run_is_refused(root, part):
    with pytest.raises(CheckpointError, match="another recipe, split or base model"):
        fit(jobs.make_job(root, LONG, identity={**jobs.IDENTITY, part: "other"}))


def test_a_checkpoint_of_another_model_is_refused(root):
    with pytest.raises(Exception, match="belong to another model"):
        fit(jobs.make_job(root, LONG, adapter=tiny.FULL))


def test_another_environment_is_said_and_not_hidden(root):
    said: list[tuple[str, dict]] = []
    fit(jobs.make_job(root, LONG, environment={"threads": 9}, emit=lambda kind, body: said.append((kind, dict(body)))))
    assert ("note", {"text": "resume: approximate", "because_changed": ["threads"]}) in said


def test_what_was_half_written_is_ignored_and_swept(root):
    for name in (".tmp-9-abc", "checkpoint-9"):
        (root / name).mkdir()
        (root / name / "weights.safetensors").write_bytes(b"half")
    (root / ".latest.json.x1y2z3").write_bytes(b'{"folder"')
    before = checkpoint.find(root)
    fit(jobs.make_job(root, SHORT))
    assert checkpoint.find(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["best.json", "checkpoint-2", "checkpoint-4", "latest.json"]


def test_only_latest_and_best_are_kept(tmp_path):
    for step in (1, 2, 3):
        folder = checkpoint.save(tmp_path, step, TENSORS, {})
        checkpoint.point(tmp_path, "latest", folder)
        if step == 1:
            checkpoint.point(tmp_path, "best", folder)
        checkpoint.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["checkpoint-1", "checkpoint-3"]


def test_an_unnamed_folder_of_the_same_step_is_written_anew(tmp_path):
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5" / "old").touch()
    folder = checkpoint.save(tmp_path, 5, TENSORS, {})
    assert not (folder / "old").exists()
    assert checkpoint.load(folder).state == {}


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.save(tmp_path, 5, TENSORS, {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []
