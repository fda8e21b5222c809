"""The folder of a run: where each of its files lies, and how its records are read and written.

runs/<run>/
  run.json recipe.json gates.json control.json     what it is, what was asked, what was declared
  data.json                                        which split it uses
  trainer.json                                     there when the worker half runs on a trainer's machine
  attempt-<n>/{spec.json journal.jsonl *.log pid}  what each attempt said
  checkpoints/ candidate.json                      what the worker half leaves
  reports/ verdicts/ reviews/ answers/ exports/    what the judge half leaves
  report.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engram import files
from engram.errors import NotFound, did_you_mean
from engram.gate.review import Review
from engram.schema.codec import from_dict, to_dict
from engram.schema.criterion import Criterion
from engram.schema.recipe import Recipe
from engram.schema.report import Report
from engram.schema.run import RunRecord
from engram.schema.verdict import Verdict

T = TypeVar("T")
Gates = Mapping[str, tuple[Criterion, ...]]
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_run_id() -> str:
    """Return an id that sorts by time: ``r_`` and a ULID (48 bits of milliseconds, 80 random bits, base 32).

    >>> len(new_run_id())
    28
    """
    number = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return "r_" + "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(26)))


@dataclass(frozen=True)
class RunFolder:
    """One run's folder; every path and record of it by name."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    def attempt(self, number: int) -> Path:
        """Return the folder of one attempt."""
        return self.path / f"attempt-{number}"

    def attempts(self) -> list[Path]:
        """Return the attempts' folders, oldest first."""
        return sorted(self.path.glob("attempt-*"), key=lambda path: int(path.name.split("-")[1]))

    @property
    def checkpoints(self) -> Path:
        """The folder of the training's checkpoints."""
        return self.path / "checkpoints"

    @property
    def candidate(self) -> Path:
        """What the worker says that it made."""
        return self.path / "candidate.json"

    @property
    def trained_elsewhere(self) -> bool:
        """Whether the worker half is a trainer's, on a machine of its own, and not of this home."""
        return (self.path / "trainer.json").is_file()

    def is_done(self, stage: str) -> bool:
        """Tell whether a stage has its report, and its verdict where it has a gate."""
        return self.report(stage) is not None and (stage not in self.gates() or self.verdict(stage) is not None)

    @property
    def control(self) -> Path:
        """The file by which the attempt is commanded."""
        return self.path / "control.json"

    @property
    def exports(self) -> Path:
        """The folder of exported files, one folder a format."""
        return self.path / "exports"

    # --- records -------------------------------------------------------------------------------------------------

    def record(self) -> RunRecord:
        """Read the run record."""
        return from_dict(RunRecord, files.read_json(self.path / "run.json"))

    def save_record(self, record: RunRecord) -> None:
        """Write the run record."""
        files.write_json(self.path / "run.json", to_dict(record))

    def recipe(self) -> Recipe:
        """Read the resolved recipe."""
        return from_dict(Recipe, files.read_json(self.path / "recipe.json"))

    def gates(self) -> Gates:
        """Read the gates as they were declared."""
        said = files.read_json(self.path / "gates.json")
        return {stage: tuple(from_dict(Criterion, one) for one in lines) for stage, lines in said.items()}

    def split_folder(self, home: Path) -> Path:
        """Return the folder of the split that this run uses."""
        return home / "datasets" / str(files.read_json(self.path / "data.json")["folder"])

    def report(self, stage: str) -> Report | None:
        """Read one stage's report, or None when there is none yet."""
        return self._maybe(Report, self.path / "reports" / f"{stage}.json")

    def verdict(self, stage: str) -> Verdict | None:
        """Read one stage's verdict, or None when there is none yet."""
        return self._maybe(Verdict, self.path / "verdicts" / f"{stage}.json")

    def reviews(self) -> list[Review]:
        """Read what people decided, oldest first."""
        found = [from_dict(Review, files.read_json(path)) for path in (self.path / "reviews").glob("*.json")]
        return sorted(found, key=lambda one: one.time)

    def save_report(self, report: Report) -> None:
        """Write one stage's report."""
        files.write_json(self.path / "reports" / f"{report.stage}.json", to_dict(report))

    def save_verdict(self, verdict: Verdict) -> None:
        """Write one stage's verdict."""
        files.write_json(self.path / "verdicts" / f"{verdict.stage}.json", to_dict(verdict))

    def save_review(self, one: Review) -> None:
        """Write what a person decided."""
        files.write_json(self.path / "reviews" / f"{one.stage}.json", to_dict(one))

    def trained_with(self) -> tuple[int, int, str]:
        """Return threads, processes and precision of the training; before its end, what the last attempt may use."""
        attempts = self.attempts()
        said = self.candidate if self.candidate.exists() or not attempts else attempts[-1] / "spec.json"
        found = files.read_json(said) if said.exists() else {}
        return int(found.get("threads", 1)), int(found.get("workers", 1)), str(found.get("precision", "fp32"))

    def times_scored(self) -> int:
        """Return how often this home has scored the test part, this run included; written at the declaration."""
        return int(files.read_json(self.path / "declared.json")["times_scored"])

    def _maybe(self, cls: type[T], path: Path) -> T | None:
        return from_dict(cls, files.read_json(path)) if path.is_file() else None


def find_run(home: Path, name: str) -> RunFolder:
    """Return a run by its id, by an unambiguous beginning of it, or ``last``.

    Raises NotFound with the nearest id when there is none.
    """
    known = sorted(path.name for path in (home / "runs").glob("r_*") if (path / "run.json").is_file())
    if name == "last" and known:
        return RunFolder(home / "runs" / known[-1])
    fits = [one for one in known if one == name or (len(name) >= 6 and one.startswith(name))]
    if len(fits) != 1:
        said = f"{len(fits)} runs begin with {name!r}" if fits else f"There is no run {name!r} in {home}"
        raise NotFound(f"{said}.", remedy=did_you_mean(name, known) or "`engram runs list` shows the runs.")
    return RunFolder(home / "runs" / fits[0])


def list_records(home: Path) -> list[RunRecord]:
    """Return the records of all runs, newest first."""
    paths = sorted((home / "runs").glob("r_*/run.json"), reverse=True)
    return [from_dict(RunRecord, files.read_json(path)) for path in paths]
