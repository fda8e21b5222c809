"""A home of the test's own, a toy recipe on a tiny model, and the real command line run against it."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.tiny import FILLING, FULL, LABELS, WORDS, save_encoder

from engram.data.rows import Row
from engram.schema.recipe import Data, Model, Recipe, Source, Train

RECIPE = """
format: engram.recipe/1
name: toy
kind: language
task: classify
model: {source: MODEL}
data:
  sources: [{path: tickets.csv, license: cc0}]
  columns: {text: text, label: label}
adapter: {type: lora, r: 8, alpha: 16, dropout: 0.1}
train:
  learning_rate: 1.0e-3
  num_train_epochs: 4
  per_device_train_batch_size: 16
  precision: fp32
  max_grad_norm: 5.0
  save_every: {steps: 5}
evaluate: {bootstrap: 1000}
simulate: {concurrency: 2, seconds: 0.2}
"""


@dataclass(frozen=True)
class Home:
    """A folder with a toy recipe, its data and its model, and an ENGRAM_HOME inside."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The ENGRAM_HOME."""
        return self.folder / "home"

    def engram(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `engram` with these arguments to its end."""
        return subprocess.run(
            command(*arguments), env=self.env(environment), cwd=self.folder, capture_output=True, text=True, timeout=300
        )

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `engram` and return its process."""
        return subprocess.Popen(
            command(*arguments), env=self.env(environment), cwd=self.folder, stdout=subprocess.DEVNULL
        )

    def json(self, *arguments: str, **kwargs: Any) -> Any:
        """Run `engram … --json`, which must succeed, and return its document."""
        done = self.engram(*arguments, "--json", **kwargs)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def env(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a command."""
        own = {"ENGRAM_HOME": str(self.home), "ENGRAM_THREADS": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGRAM_")}
        return {**kept, **own, **self.environment, **(more or {})}

    def last_run(self) -> Path:
        """Return the folder of the newest run."""
        return max((self.home / "runs").glob("r_*"))

    def record(self) -> dict[str, Any]:
        """Return the record of the newest run."""
        return json.loads((self.last_run() / "run.json").read_text())

    def artifacts(self) -> list[Path]:
        """Return the published artifacts."""
        return sorted((self.home / "artifacts").glob("[0-9a-f]*")) if (self.home / "artifacts").exists() else []


def command(*arguments: str) -> list[str]:
    """Return the command line of `engram` in this environment."""
    return [sys.executable, "-c", "from engram.cli.main import main; main()", *arguments]


def make_home(folder: Path, rows: int = 300, recipe: str = RECIPE) -> Home:
    """Fill a folder with a tiny encoder, toy data and a recipe named ``toy.yaml``."""
    save_learned_encoder(folder / "encoder")
    write_rows(folder / "tickets.csv", [(row.text, LABELS[row.label]) for row in plain_rows(rows, seed=0)])
    (folder / "toy.yaml").write_text(recipe.replace("MODEL", str(folder / "encoder")))
    return Home(folder)


def save_learned_encoder(folder: Path) -> None:
    """Save a tiny encoder that has seen text of this sort: a random one gives an adapter nothing to work with."""
    shutil.copytree(_learned_encoder().name, folder)


@cache
def _learned_encoder() -> TemporaryDirectory[str]:
    """Train the encoder once for all tests of this process; its folder goes when the process ends."""
    from engram.kinds.language.classify import code
    from engram.train.loop import fit
    from engram.train.training import Training

    with TemporaryDirectory() as scratch:
        untrained = save_encoder(Path(scratch) / "untrained")
        options = Train(learning_rate=3.0e-3, num_train_epochs=6, precision="fp32", early_stopping_patience=0)
        recipe = Recipe(
            "base",
            "language",
            "classify",
            Model(str(untrained)),
            Data((Source(path="-"),)),
            train=options,
            adapter=FULL,
        )
        loaded = code.load(recipe, LABELS)
        rows = code.prepare(loaded, plain_rows(900, seed=7))
        fit(
            Training(
                model=loaded.model,
                loss=code.loss,
                lengths=rows.lengths,
                collate=lambda chosen: code.collate(loaded, rows, chosen),
                valid_batches=lambda: code.scoring_batches(loaded, rows),
                options=options,
                folder=Path(scratch) / "checkpoints",
            )
        )
        made = TemporaryDirectory(prefix="encoder-")
        loaded.model.bert.save_pretrained(made.name)
        loaded.tokenizer.save_pretrained(made.name)
    return made


def plain_rows(count: int, seed: int) -> list[Row]:
    """Return rows that both probe and tuned model get right: four words of their label and some filling."""
    chance = random.Random(seed)
    rows: dict[str, int] = {}
    while len(rows) < count:
        label = len(rows) % len(LABELS)
        words = chance.choices(WORDS[LABELS[label]], k=4) + chance.choices(FILLING, k=chance.randint(0, 2))
        chance.shuffle(words)
        rows.setdefault(" ".join(words), label)
    return [Row(number, text, label) for number, (text, label) in enumerate(rows.items())]


def write_rows(path: Path, rows: list[tuple[str, str]]) -> None:
    """Write a CSV with the columns text and label."""
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
