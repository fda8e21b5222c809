"""The HTML report of a run, from what lies in its folder; a run that ended early gets the report of what there is."""

from __future__ import annotations

from pathlib import Path

from engram import files, registry
from engram.data.cache import load_split
from engram.pipeline.directions import directions
from engram.pipeline.environment import fingerprint
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import read_journals
from engram.pipeline.page.page import render
from engram.schema.recipe import Recipe
from engram.schema.split import DataReport
from engram.schema.takes import TAKES, Noun

STAGES = ("data", "baseline", "train", "evaluate", "export", "simulate")


def render_run(folder: RunFolder, home: Path) -> str:
    """Return the whole page."""
    reports = {stage: report for stage in STAGES if (report := folder.report(stage)) is not None}
    verdicts = {stage: verdict for stage in STAGES if (verdict := folder.verdict(stage)) is not None}
    recipe = folder.recipe()
    better, gives = known(recipe)
    return render(
        folder.record(),
        recipe,
        _data(folder, home),
        reports,
        verdicts,
        curve(folder),
        provenance(folder),
        better=better,
        gives=gives,
    )


def known(recipe: Recipe) -> tuple[dict[str, str], Noun | None]:
    """Return which way is better for each measure of a run, and what its task's answers are.

    A run of a kind that is not installed here still has its report; then nothing of this is known.
    """
    if recipe.kind not in registry.names("kind"):
        return {}, None
    card = registry.get("kind", recipe.kind)
    if recipe.task not in card.tasks:
        return {}, None
    return directions(card.tasks[recipe.task], recipe), TAKES.get(card.primary(recipe.task).name)


def curve(folder: RunFolder) -> list[dict[str, float]]:
    """Return the training's points; where attempts overlap, the later one's."""
    points: dict[tuple[int, bool], dict[str, float]] = {}
    for event in read_journals(folder.path):
        step = event.body.get("step")  # a trainer elsewhere may have said anything
        if event.type == "metric" and event.stage == "train" and isinstance(step, int):
            numbers = {name: value for name, value in event.body.items() if isinstance(value, int | float)}
            points[step, "valid_loss" in numbers] = numbers
    return [points[key] for key in sorted(points)]


def provenance(folder: RunFolder) -> dict[str, str]:
    """Return where the model comes from, as name → text."""
    record, said = folder.record(), {"run": folder.id}
    if (folder.path / "declared.json").exists():
        declared = files.read_json(folder.path / "declared.json")
        said |= {name: str(declared[name]) for name in ("recipe", "gates", "split", "test")}
        said["test part scored"] = f"{declared['times_scored']} time(s) in this home"
    if (folder.path / "base.json").exists():
        base = files.read_json(folder.path / "base.json")
        said |= {"base": base["name"], "base revision": base["revision"] or "none", "base files": base["digest"]}
    if record.artifact:
        said["artifact"] = record.artifact
    return said | {name: str(value) for name, value in fingerprint(*folder.trained_with()).items()}


def _data(folder: RunFolder, home: Path) -> DataReport | None:
    if not (folder.path / "data.json").exists():
        return None
    return load_split(folder.split_folder(home))[1]
