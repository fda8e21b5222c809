"""/v1/fine_tuning/jobs: runs in the shape of OpenAI's clients. The gates judge them as they judge every run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from engram.errors import UsageError
from engram.server import datasets as material
from engram.server.access import Caller, Here, Who
from engram.server.fine_tuning_recipe import Content, Hyperparameters, build_recipe, model_name
from engram.server.once import Key, once
from engram.server.platform import Platform
from engram.server.queue import queue
from engram.server.route import Router
from engram.server.routes.commands import cancel_run
from engram.server.routes.openai import files as file_routes
from engram.server.routes.openai.fine_tuning_events import CHECKPOINT, TOLD, checkpoint, event
from engram.server.routes.openai.fine_tuning_shape import shown
from engram.server.routes.openai.pages import cursor_of, listing, shape
from engram.server.training_rows import read_rows
from engram.store.pages import MOST, Ask
from engram.store.records import events, fine_tunings, runs
from engram.store.records.fine_tunings import FineTuning
from engram.store.records.runs import Run

router = Router(prefix="/v1/fine_tuning/jobs", tags=["openai"])
RunId = Annotated[str, Path(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
AUTO = "auto"


class Strict(BaseModel):
    """A body in which nothing is ignored."""

    model_config = ConfigDict(extra="forbid")


class Parameters(Strict):
    """Hyperparameters; `auto` leaves one to the recipe."""

    n_epochs: int | Literal["auto"] = Field(default="auto", description="1 to 1000.")
    batch_size: int | Literal["auto"] = Field(default="auto", description="1 to 4096 rows.")
    learning_rate_multiplier: float | Literal["auto"] = Field(default="auto", description="Above 0, up to 100.")

    @model_validator(mode="after")
    def in_bounds(self) -> Parameters:
        """Refuse numbers that no training takes."""
        for name, most in (("n_epochs", 1000), ("batch_size", 4096), ("learning_rate_multiplier", 100)):
            value = getattr(self, name)
            if value != AUTO and not 0 < value <= most:
                raise ValueError(f"{name} is above 0 and at most {most}, or 'auto'")
        return self


class Supervised(Strict):
    """Supervised fine-tuning."""

    hyperparameters: Parameters | None = None


class Method(Strict):
    """How it is taught: there is one way."""

    type: Literal["supervised"]
    supervised: Supervised | None = None


class NewFineTuning(Strict):
    """What is taught to which base. model: a recipe, a template, or a base model such as ``made:causal``."""

    model: str = Field(min_length=1, max_length=200)
    training_file: str = Field(max_length=64)
    validation_file: str | None = Field(default=None, max_length=64)
    hyperparameters: Parameters | None = None
    method: Method | None = None
    suffix: str = Field(default="", max_length=24, pattern=r"^[A-Za-z0-9 _-]*$")
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    metadata: dict[str, str] | None = Field(default=None, max_length=16)

    @model_validator(mode="before")
    @classmethod
    def nothing_is_null(cls, given: Any) -> Any:
        """Take what is null as not sent."""
        return {name: one for name, one in given.items() if one is not None} if isinstance(given, dict) else given

    @property
    def parameters(self) -> Parameters:
        """The hyperparameters, wherever they stand."""
        inner = self.method.supervised.hyperparameters if self.method and self.method.supervised else None
        if inner is not None and self.hyperparameters is not None and inner != self.hyperparameters:
            raise UsageError("hyperparameters and method.supervised.hyperparameters say two things.")
        return inner or self.hyperparameters or Parameters()


@router.post("", operation_id="openai.fine_tuning.create")
def create(asked: NewFineTuning, who: Who, here: Here, key: Key = None) -> dict[str, Any]:
    """Queue a fine-tuning. What its run publishes is deployed by itself, under the name in `fine_tuned_model`."""
    files = [None if one is None else _content(here, who, one) for one in (asked.training_file, asked.validation_file)]
    training, validation = files
    if training is None or (validation and validation.form != training.form):
        raise UsageError("The rows of the validation file have another form than those of the training file.")
    wanted = {name: None if value == AUTO else value for name, value in asked.parameters.model_dump().items()}
    numbers = Hyperparameters(wanted["n_epochs"], wanted["batch_size"], wanted["learning_rate_multiplier"], asked.seed)
    loaded = build_recipe(here, who, "fine_tuning", asked.model, (training, validation), numbers)

    def make() -> dict[str, Any]:
        run = queue(tx, here, who.principal.user, loaded)
        made = fine_tunings.create_fine_tuning(
            tx,
            run,
            base=asked.model,
            training=asked.training_file,
            validation=asked.validation_file or "",
            options={
                "hyperparameters": asked.parameters.model_dump(),
                "suffix": asked.suffix or None,
                "metadata": asked.metadata,
                "seed": loaded.recipe.train.seed,
            },
            name=model_name(asked.model, asked.suffix, run.id),
        )
        return shown(made, run)

    with here.db.write() as tx:
        answer: dict[str, Any] = once(tx, who, key, asked, make)
    here.wake.set()
    return answer


@router.get("", operation_id="openai.fine_tuning.list")
def listed(who: Who, here: Here, after: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """List fine-tunings, newest first."""
    with here.db.read() as tx:
        last = None if after is None else find(tx, who, after)[0]
        page = fine_tunings.list_fine_tunings(tx, Ask(who.visible_to, cursor_of("fine_tunings", last), limit))
        return listing(page, lambda one: shown(one, runs.get_run(tx, one.id)))


@router.get("/{run}", operation_id="openai.fine_tuning.read")
def read(run: RunId, who: Who, here: Here) -> dict[str, Any]:
    """Return one fine-tuning."""
    with here.db.read() as tx:
        return shown(*find(tx, who, run))


@router.post("/{run}/cancel", operation_id="openai.fine_tuning.cancel")
def cancel(run: RunId, who: Who, here: Here) -> dict[str, Any]:
    """Cancel a fine-tuning: at once while it waits, between two steps while it works."""
    with here.db.read() as tx:
        find(tx, who, run)
    cancel_run(here, run)
    with here.db.read() as tx:
        return shown(*find(tx, who, run))


@router.get("/{run}/events", operation_id="openai.fine_tuning.events")
def told(run: RunId, who: Who, here: Here, after: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    """List what a fine-tuning said, newest first."""
    return _events(here, who, run, after, limit, TOLD, event)


@router.get("/{run}/checkpoints", operation_id="openai.fine_tuning.checkpoints")
def checkpoints(run: RunId, who: Who, here: Here, after: str | None = None, limit: Limit = 10) -> dict[str, Any]:
    """List the checkpoints, newest first. They are for going on with the training; none can be deployed."""
    return _events(here, who, run, after, limit, (CHECKPOINT,), checkpoint)


def find(tx: Connection, who: Caller, run: str) -> tuple[FineTuning, Run]:
    """Return a fine-tuning that the caller may touch, and its run; raises NotFound as if there were none otherwise."""
    found = who.touch(fine_tunings.maybe_fine_tuning(tx, run), f"fine-tuning {run!r}")
    return found, runs.get_run(tx, found.id)


def _events(
    here: Platform, who: Caller, run: str, after: str | None, limit: int, types: tuple[str, ...], show: Any
) -> dict[str, Any]:
    before = None if after is None else _number(after)
    with here.db.read() as tx:
        find(tx, who, run)
        found = events.latest(tx, run, before, types, limit + 1)
    return shape([show(one) for one in found[:limit]], more=len(found) > limit)


def _number(identity: str) -> int:
    number = identity.rpartition("-")[2]
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise UsageError(f"{identity[:60]!r} is the id of nothing in this list.", remedy="Leave `after` out.")
    return int(number)


def _content(here: Platform, who: Caller, file: str) -> Content:
    found = file_routes.find(here, who.to("openai.files.read"), file)
    if form := found.body.get("form"):
        return Content(found, str(form))
    with material.content(here, found) as path:
        return Content(found, str(read_rows(path, found.name).form))
