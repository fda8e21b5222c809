"""A training on a tiny BERT, whole in one call, so that a test can run it in a process that is meant to die."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import tiny
from torch import nn
from torch.nn import functional

from engram.files import read_json
from engram.schema.recipe import Adapter, SaveEvery, Train
from engram.train.adapter import attach
from engram.train.loop import fit
from engram.train.packing import pack
from engram.train.randomness import seed_all
from engram.train.token_loss import token_loss
from engram.train.training import Outcome, Training

MASKED = -100
IDENTITY = {"recipe": "r", "split": "s", "base": "b"}
PLAN = Train(
    learning_rate=8e-3,
    lr_scheduler_type="linear",
    warmup_ratio=0.2,
    num_train_epochs=3,
    per_device_train_batch_size=3,
    gradient_accumulation_steps=2,
    eval_every=2,
    save_every=SaveEvery(3),
    early_stopping_patience=0,
    seed=7,
)


class Rows:
    """Token ids of different lengths with targets, some of them masked; the words of a class repeat in its rows."""

    def __init__(self, count: int, seed: int, masked: float = 0.2) -> None:
        chance = random.Random(seed)
        self.ids, self.targets = [], []
        for number in range(count):
            label = number % len(tiny.LABELS)
            own = [5 + 4 * label + chance.randrange(4) for _ in range(chance.randint(1, 6))]
            self.ids.append([2, *own, *(chance.randrange(35, 50) for _ in range(chance.randint(0, 4))), 3])
            self.targets.append(MASKED if chance.random() < masked else label)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(ids) for ids in self.ids]

    def collate(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        """Pad rows on the right with 0."""
        width = max(len(self.ids[row]) for row in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(self.ids[row])] = self.ids[row]
        targets = np.array([self.targets[row] for row in rows])
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy((ids != 0).astype(np.int64)),
            "targets": torch.from_numpy(targets),
        }

    def pack(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        """Put rows into one sequence in which each token is to say the next."""
        chosen = [self.ids[row] for row in rows]
        return pack(chosen, chosen, causal=True)

    def batches(self, size: int = 8) -> Iterator[dict[str, torch.Tensor]]:
        """Yield all rows in order."""
        for start in range(0, len(self.ids), size):
            yield self.collate(range(start, min(start + size, len(self.ids))))


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy of the rows with a target, and their number."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    total = functional.cross_entropy(logits.float(), batch["targets"], ignore_index=MASKED, reduction="sum")
    return total, int((batch["targets"] != MASKED).sum())


def make_job(
    folder: Path,
    options: Train = PLAN,
    adapter: Adapter = tiny.LORA,
    rows: Rows | None = None,
    valid: Rows | None = None,
    **parts: Any,
) -> Training:
    """Return a job on a new tiny BERT in a world whose generators are seeded; `parts` replace the job's own.

    With packing it is a tiny Qwen2 that learns which token comes next.
    """
    rows, valid = rows or Rows(30, seed=1), valid or Rows(12, seed=2, masked=0.0)
    seed_all(options.seed)
    base = tiny.family("qwen2", options.seed) if options.packing else tiny.bert(0.1, options.seed, layers=1)
    model = attach(base, adapter, "CAUSAL_LM" if options.packing else "SEQ_CLS")
    if options.packing:
        packed = {
            "loss": token_loss,
            "collate": rows.pack,
            "valid_batches": lambda: [valid.pack(range(len(valid.ids)))],
        }
        parts = {**packed, **parts}
    seed_all(options.seed)
    own = {
        "model": model,
        "loss": loss,
        "lengths": rows.lengths,
        "collate": rows.collate,
        "valid_batches": valid.batches,
        "options": options,
        "folder": folder,
        "identity": IDENTITY,
    }
    return Training(**{**own, **parts})


def train(folder: Path, options: Train, adapter: Adapter, commands: Mapping[int, str] | None = None) -> Outcome:
    """Train as `make_job` says, journalling to ``events.jsonl`` so that even a killed process leaves its events.

    commands: optimizer step → what the controlling side wants then.
    """
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    now = {"step": 0}
    with (folder / "events.jsonl").open("ab", buffering=0) as journal:

        def emit(kind: str, body: Mapping[str, Any]) -> None:
            now["step"] = body.get("step", now["step"])
            journal.write(json.dumps({"kind": kind, **body}).encode() + b"\n")

        def command() -> str:
            return (commands or {}).get(now["step"], "none")

        return fit(make_job(folder / "checkpoints", options, adapter, emit=emit, command=command))


def events(folder: Path) -> list[dict[str, Any]]:
    """Return what a training said, all its processes one after the other."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]


def curve(folder: Path) -> dict[str, str]:
    """Return every loss, with all its digits, by its name and step; a step done again must have had the same.

    Raises ValueError when it had not.
    """
    found: dict[str, str] = {}
    for event in events(folder):
        for name in ("loss", "valid_loss", "grad_norm", "lr"):
            if event["kind"] == "metric" and name in event:
                key = f"{name} {event['step']}"
                if found.setdefault(key, repr(event[name])) != repr(event[name]):
                    raise ValueError(f"{key} was {found[key]} and then {event[name]}")
    return found


def fingerprint(folder: Path) -> dict[str, Any]:
    """Return what a training left: names, and pointers whose manifest digests cover weights, optimizer, state and all.

    The digests of the weights are named once more, for a reader. What a tracker wrote is there but for its times.
    """
    left: dict[str, Any] = {"folders": sorted(path.name for path in (folder / "checkpoints").iterdir())}
    if (tracked := folder / "tracking" / "metrics.jsonl").exists():
        lines = [json.loads(line) for line in tracked.read_text().splitlines()]
        left["tracked"] = [{k: v for k, v in line.items() if k != "tokens_per_second"} for line in lines]
    for name in ("latest", "best"):
        pointer = read_json(folder / "checkpoints" / f"{name}.json")
        manifest = read_json(folder / "checkpoints" / pointer["folder"] / "manifest.json")
        left |= {name: pointer, f"{name} weights": manifest["files"]["weights.safetensors"]}
    return left
