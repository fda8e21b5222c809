"""Models, as a trainer sees them: a template by its id, or what a run makes by the run's id."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from engram import files, registry
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import is_sealed_folder
from engram.artifacts.store import folder_of
from engram.errors import NotFound, UsageError
from engram.pipeline.control import clear
from engram.pipeline.template import keep_text
from engram.schema.codec import to_dict
from engram.schema.recipe import Recipe
from engram.schema.state import flag
from engram.server import candidates, material, sealed, trainers
from engram.server.access import Here, Who
from engram.server.leased import present
from engram.server.route import Router
from engram.server.routes import templates
from engram.store.pages import MOST
from engram.store.records import attempts, evidence, points, runs
from engram.store.records.events import events_of
from engram.store.records.runs import Run
from engram.store.records.templates import Template

router = Router(prefix="/api/v1/models", tags=["models"])
Id = Annotated[str, Path(max_length=64)]
Kpi = Annotated[str, Field(max_length=100, pattern=r"^[\w.@/-]+$")]
Kpis = Annotated[dict[Kpi, float], Field(min_length=1, max_length=100)]
TEMPLATE = "t_"
REPORTED = "reported"


class Metrics(BaseModel):
    """What a trainer measured: telemetry, never evidence."""

    model_config = ConfigDict(extra="forbid")

    epoch: int = Field(ge=1)
    step: int = Field(ge=0, lt=1 << 53)
    metrics: Kpis


class Certify(BaseModel):
    """Ask how a run stands; with an epoch, hand in the candidate that was uploaded under it."""

    model_config = ConfigDict(extra="forbid")

    epoch: int | None = Field(default=None, ge=1)


@router.get("/{id}", operation_id="models.read")
def read(id: Id, who: Who, here: Here) -> dict[str, Any]:
    """Return what a model is trained by: kind, task, source, recipe, KPIs and data."""
    found: Template | Run
    if id.startswith(TEMPLATE):
        found = template = templates.find(here, who, id)
        text = str(template.body.get("recipe_text", ""))
        source, revision = template.source, template.revision
        data = [{"digest": template.body["dataset"]}] if template.body.get("dataset") else []
        own = {"name": template.name, "certificate": template.body.get("certificate"), "dataset": data}
    else:
        found = run = find_run(here, who, id)
        recipe = here.folder(id).recipe()
        text = (here.folder(id).path / "recipe.yaml").read_text(encoding="utf-8")
        source, revision = recipe.model.source, recipe.model.revision
        own = {"name": run.recipe, "template": run.template, "dataset": _described(recipe), **_standing(run)}
    card = registry.get("kind", found.kind)
    kpis = [to_dict(one) for one in card.tasks[found.task].kpis] if found.task in card.tasks else []
    what = {"id": id, "kind": found.kind, "task": found.task, "source": source, "revision": revision}
    return {**what, **own, "recipe": text, "kpis": kpis, "modulation": {}}


@router.get("/{id}/download", operation_id="models.download", response_model=None)
def download(
    id: Id, who: Who, here: Here, what: material.What = "material", file: str | None = None
) -> dict[str, Any] | Response:
    """List the files of a template or run, or send one of them; a Range goes on where a transfer was cut off.

    what: `material` for what a worker trains by, `artifact` for what was published, `report` for the evidence. A
    sealed artifact is opened as it is sent, always from its beginning.
    """
    if id.startswith(TEMPLATE):
        text = str(templates.find(here, who, id).body.get("recipe_text", ""))
        place = keep_text(here.home, text)
        found = {"recipe.yaml": place} if what == "material" else {}
    else:
        run, folder = find_run(here, who, id), here.folder(id)
        if what == "material":
            found = dict(material.material(folder, here.home))
        elif (
            what == "artifact"
            and run.artifact
            and is_sealed_folder(place := folder_of(here.home / "artifacts", run.artifact))
        ):
            if file is None:
                return {"id": id, "what": what, "files": sealed.listed(place)}
            return sealed.send(place, file, HomeKeys(here.home))
        elif what == "artifact":
            found = dict(material.artifact(here.home / "artifacts", run.artifact))
        else:
            found = dict(material.report(folder, here.home))
    if file is None:
        return {"id": id, "what": what, "files": material.listing(found)}
    if file not in found:
        raise NotFound(f"There is no file {file[:200]!r} there.", remedy="The list without `file` names them.")
    return FileResponse(found[file], media_type="application/octet-stream")


@router.post("/{id}/metrics", operation_id="models.metrics")
def metrics(id: Id, said: Metrics, who: Who, here: Here) -> dict[str, Any]:
    """Keep numbers that a trainer reports, as a curve of the run; no gate ever sees them."""
    return report_metrics(here, who, id, said.epoch, REPORTED, said.step, said.metrics)


@router.post("/{id}/certify", operation_id="models.certify")
def certify(id: Id, said: Certify, who: Who, here: Here) -> dict[str, Any]:
    """Hand in a candidate, or ask for the verdict; when there is one, with artifact and certificate."""
    run = find_run(here, who, id)
    if said.epoch is not None:
        hand_in(here, who, id, said.epoch)
    return verdict(here, run.id)


def hand_in(here: Here, who: Who, run: str, epoch: int) -> None:
    """Put an attempt's candidate before the judge; done once, and asked again it changes nothing.

    Raises StaleEpoch, and Refused when there is no whole candidate of this run.
    """
    one, folder = present(here, who, run, epoch), here.folder(run)
    if not folder.candidate.exists():
        if one.runner != attempts.TRAINER or one.state == "ended":
            raise UsageError(f"Attempt {one.attempt} of run {run} has ended.", remedy="Start: modulation/start")
        candidates.hand_in(folder, one.attempt)
    with here.db.read() as tx:
        told = [event for page in _pages(tx, run, one.attempt) for event in page]
    # The story of the training stands beside those of the host's attempts: for the report, never for a gate.
    lines = b"".join(files.canonical_json(to_dict(event)) + b"\n" for event in told)
    files.write_atomic(folder.attempt(one.attempt) / "journal.jsonl", lines)
    with here.db.write() as tx:
        one = present(here, who, run, epoch, None, tx)
        if one.state != "ended":
            trainers.give_back(tx, one)
            clear(folder.control)
    here.wake.set()


def verdict(here: Here, run: str) -> dict[str, Any]:
    """Return how a run stands and, once it is published, its artifact and certificate."""
    with here.db.read() as tx:
        found = runs.get_run(tx, run)
        decisions = {stage: one.decision for stage, one in evidence.verdicts_of(tx, run).items()}
    said: dict[str, Any] = {"run": run, "kind": found.kind, **_standing(found), "verdicts": decisions}
    said |= {"handed_in": here.folder(run).candidate.exists(), "metrics": dict(found.metrics), "certificate": None}
    if found.state == "published":
        place = folder_of(here.home / "artifacts", found.artifact) / "certificate.json"
        said |= {"certificate": files.read_json(place)}
    return {**said, "key": here.ledger.key.vkey}


def report_metrics(
    here: Here, who: Who, run: str, epoch: int, stage: str, step: int, said: dict[str, float]
) -> dict[str, Any]:
    """Store what an attempt reports as points of a curve; the same again changes nothing."""
    with here.db.write() as tx:
        one = present(here, who, run, epoch, None, tx)
        points.report_points(tx, run, one.attempt, stage, step, said)
    return {"run": run, "step": step, "stored": sorted(said)}


def find_run(here: Here, who: Who, id: str) -> Run:
    """Return a run that the caller may touch, or whose present attempt she is; raises NotFound or StaleEpoch."""
    with here.db.read() as tx:
        found = runs.maybe_run(tx, id)
    who.require(f"run {id}", found.owner if found else None, run=id, epoch=found.epoch if found else None)
    if found is None:
        raise NotFound(f"There is no run {id}.")
    return found


def _standing(run: Run) -> dict[str, Any]:
    said = {"state": run.state, "flag": flag(run.state), "stage": run.stage, "reason": run.reason}
    return {**said, "artifact": run.artifact}


def _described(recipe: Recipe) -> list[dict[str, Any]]:
    return [
        {"name": one.sample or one.hub or "file", "format": one.format, "license": one.license}
        for one in recipe.data.sources
    ]


def _pages(tx: Any, run: str, attempt: int) -> Any:
    first = 0
    while page := events_of(tx, run, attempt, first):
        yield page
        first = page[-1].seq + 1
        if len(page) < MOST:
            return
