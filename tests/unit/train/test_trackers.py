"""Trackers: what reaches each file, what a resumed run does to it, and what is said when a package is missing."""

from __future__ import annotations

import json
import math
import struct
import sys
from dataclasses import replace

import pytest
from support import jobs, tiny

from engram import registry
from engram.errors import MissingExtra, Paused
from engram.train.callbacks import About, TrainerControl, TrainerState

OPTIONS = replace(jobs.PLAN, precision="fp32", report_to=("jsonl",))
STATE = TrainerState(3, 9, 0.5, 100, 1.0, 2, output_dir=None, resumed=False)


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "tracking" / "metrics.jsonl").read_text().splitlines()]


def test_jsonl_holds_every_number_of_the_journal(tmp_path):
    jobs.train(tmp_path, OPTIONS, tiny.LORA)
    journal = [event for event in jobs.events(tmp_path) if event["kind"] == "metric"]
    told = lines(tmp_path)
    assert len(told) == len(journal)
    for line, event in zip(told, journal, strict=True):
        assert {k: v for k, v in line.items() if k != "epoch"} == {
            k: v for k, v in event.items() if k not in ("kind", "total")
        }
    assert told[-1]["epoch"] == 3.0


def test_jsonl_of_a_paused_and_resumed_run_is_that_of_a_whole_one(tmp_path):
    jobs.train(tmp_path / "whole", OPTIONS, tiny.LORA)
    with pytest.raises(Paused):
        jobs.train(tmp_path / "halves", OPTIONS, tiny.LORA, {4: "pause"})
    late = tmp_path / "halves" / "tracking" / "metrics.jsonl"
    with late.open("a") as stream:  # as a process leaves it that dies after its last checkpoint
        stream.write(json.dumps({"step": 5, "epoch": 1.0, "loss": 9.9}) + '\n{"step": 6, "lo')
    jobs.train(tmp_path / "halves", OPTIONS, tiny.LORA)
    assert jobs.fingerprint(tmp_path / "halves")["tracked"] == jobs.fingerprint(tmp_path / "whole")["tracked"]


def test_jsonl_of_a_new_run_begins_anew(tmp_path):
    (tmp_path / "tracking").mkdir()
    (tmp_path / "tracking" / "metrics.jsonl").write_text('{"step": 1, "loss": 9.9}\n')
    jobs.train(tmp_path, replace(OPTIONS, max_steps=2), tiny.LORA)
    assert 9.9 not in [line.get("loss") for line in lines(tmp_path)]


def test_jsonl_says_null_for_what_is_no_number(tmp_path):
    tracker = registry.get("callback", "jsonl")(About("r", tmp_path))
    tracker.on_train_begin(STATE, TrainerControl())
    tracker.on_log(STATE, TrainerControl(), {"grad_norm": math.inf})
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 3, "epoch": 0.5, "grad_norm": None}


def scalars(folder) -> dict[str, list[tuple[int, float]]]:
    """Read event files record by record: length, its checksum, a serialised event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (size,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + size])
            place += 16 + size
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_tensorboard_files_hold_every_number(tmp_path):
    pytest.importorskip("tensorboardX", reason="the extra `tracking` is not installed")
    jobs.train(tmp_path, replace(OPTIONS, report_to=("tensorboard",)), tiny.LORA)
    found = scalars(tmp_path / "tracking" / "tensorboard")
    journal = [event for event in jobs.events(tmp_path) if event["kind"] == "metric"]
    for name in ("loss", "lr", "grad_norm", "valid_loss"):
        wanted = [(event["step"], event[name]) for event in journal if name in event]
        assert [step for step, _ in found[name]] == [step for step, _ in wanted]
        assert [value for _, value in found[name]] == pytest.approx([value for _, value in wanted], rel=1e-6)


@pytest.mark.parametrize(
    ("name", "package"), [("tensorboard", "tensorboardX"), ("wandb", "wandb"), ("mlflow", "mlflow")]
)
def test_a_missing_package_is_told_with_what_brings_it(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=package) as caught:
        jobs.train(tmp_path, replace(OPTIONS, report_to=(name,)), tiny.LORA)
    assert "pip install" in caught.value.remedy
    assert not (tmp_path / "checkpoints").exists()


def test_trackers_are_listed_without_importing_any():
    assert {"jsonl", "tensorboard", "mlflow", "wandb"} <= set(registry.names("callback"))
