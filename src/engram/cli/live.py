"""What a person sees while a run works: one bar for the stage with the time left, and a line for each thing done."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from engram.cli import output
from engram.schema.event import Event
from engram.schema.recipe import Recipe
from engram.schema.run import RunRecord

TITLES = {
    "data": "Data",
    "baseline": "Baseline",
    "train": "Training",
    "evaluate": "Evaluation",
    "export": "Export",
    "simulate": "Simulation",
    "publish": "Publishing",
}
WAITING = {"train": "loading the model", "baseline": "loading the model", "evaluate": "loading the model"}
PLAIN_SECONDS = 10.0


class Live:
    """A context manager that shows a run's events; bars on a terminal, plain lines elsewhere."""

    def __init__(self, folder: Any = None, recipe: Recipe | None = None) -> None:
        self._folder, self._recipe = folder, recipe
        self._bar: Any = None
        self._task: Any = None
        self._stage, self._began, self._last_plain = "", time.monotonic(), time.monotonic()
        self._first: tuple[int, float] | None = None  # what was done at the stage's first sign of progress, and when
        self._valid = ""

    def __enter__(self) -> Live:
        if output.on_terminal() and not output.json_wanted():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[said]}"),
                console=Console(no_color=not output.wants_colour(), highlight=False),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def state(self, record: RunRecord) -> None:
        """Take a change of the run's record: a new stage gets a new bar."""
        if record.state == "running":
            self._enter(record.stage)

    def event(self, event: Event) -> None:
        """Take one event of the run."""
        body = event.body
        self._enter(event.stage)
        if event.type == "progress":
            self._progress(body["done"], body["total"], f"{body['done']}/{body['total']} {body['what']}")
        elif event.type == "metric" and "valid_loss" in body:
            what = "reward" if "valid_reward" in body else "loss"
            self._valid = f"validation {what} {_number(body[f'valid_{what}'])}"
            self._line(f"step {body['step']}/{body['total']}: {self._valid}")
        elif event.type == "metric":
            speed = f"{body['tokens_per_second']:.0f} {body.get('unit', 'tokens')}/s"
            said = f"step {body['step']}/{body['total']}  loss {_number(body['loss'])}  {speed}  {self._valid}"
            self._progress(body["step"], body["total"], said)
        elif event.type == "note":
            self._line(str(body["text"]))
        elif event.type == "resumed":
            self._line(f"resumed at step {body['step']} from {body['checkpoint']}")
        elif event.type == "report":
            self._line("measured " + ", ".join(f"{name} {_number(value)}" for name, value in body.items()))
        elif event.type == "verdict":
            failed = f" ({', '.join(body['failed'])})" if body["failed"] else ""
            colour = {"advance": "green", "review": "yellow"}.get(body["decision"], "red")
            words = f"gate {body['decision']}{failed}"
            if body.get("advisory") and body["failed"]:
                words, colour = f"advisory: missed {', '.join(body['failed'])}", "yellow"
            self._line(output.style(words, colour) + f"  {time.monotonic() - self._began:.1f} s")

    def _enter(self, stage: str) -> None:
        if not stage or stage == self._stage:
            return
        self._stage, self._began, self._first = stage, time.monotonic(), None
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            said = WAITING.get(stage, "")
            self._task = self._bar.add_task(f"{TITLES.get(stage, stage):<11}", total=None, said=said)

    def _progress(self, done: int, total: int, said: str) -> None:
        if not total:  # a first pass that doesn't know how much there is
            said, total = said.replace("/0", ""), done or 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, said=said)
            return
        now = time.monotonic()
        if self._first is None or done < self._first[0]:
            self._first = done, now  # the time before it went into loading, and a resumed run starts half-way
        elif self._bar is None and done > self._first[0] and now - self._last_plain >= PLAIN_SECONDS:
            self._last_plain = now
            rest = (now - self._first[1]) * (total - done) / (done - self._first[0])
            self._line(f"{said}, {rest:.0f} s left")

    def _line(self, text: str) -> None:
        line = f"  {TITLES.get(self._stage, self._stage):<11} {text}"
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            output.say(line)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "–" if value is None else str(value)
