"""Publishing: the judged files become an immutable artifact with a certificate, or nothing at all."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from engram import files, registry
from engram.artifacts import store
from engram.artifacts.opened import Keys
from engram.data.cache import load_split
from engram.export.card import write_card
from engram.export.format import BaseRef
from engram.gate.digest import report_digest, verdict_digest
from engram.ledger.certificate import certify
from engram.ledger.log import Ledger
from engram.pipeline.environment import fingerprint
from engram.pipeline.folder import RunFolder
from engram.pipeline.journal import read_journals
from engram.schema.codec import to_dict
from engram.schema.report import Report


def publish(folder: RunFolder, home: Path, ledger: Ledger, keys: Keys | None = None) -> tuple[str, dict[str, float]]:
    """Publish a run's exports; return the artifact's digest and the headline metrics.

    The ledger entry is the point of no return; called again after a crash it completes what was begun.
    keys: where the home seals, the artifact appears sealed; the run's own folder is a work folder and stays open.
    """
    staging = stage_files(folder, home)
    about = {
        "run": folder.id,
        "recipe": folder.recipe().name,
        "kind": folder.recipe().kind,
        "task": folder.recipe().task,
    }
    evidence = predicate(folder, home)
    _, manifest = store.publish(
        staging,
        home / "artifacts",
        about,
        lambda manifest, content: certify(
            manifest=manifest,
            manifest_bytes=content,
            predicate=evidence,
            run=folder.id,
            ledger=ledger,
            keep=folder.path / "statement.json",
        ),
        keys,
    )
    shutil.rmtree(staging, ignore_errors=True)
    return manifest.digest, headline(folder.report("evaluate"))


def stage_files(folder: RunFolder, home: Path) -> Path:
    """Gather the payload: exports, card, recipe, labels, and the evidence that admitted it."""
    staging = folder.path / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(folder.exports, staging)
    recipe, evaluation = folder.recipe(), folder.report("evaluate")
    split, data = load_split(folder.split_folder(home))
    if evaluation is None:
        raise FileNotFoundError(folder.path / "reports" / "evaluate.json")
    task, exported = registry.get("kind", recipe.kind).tasks[recipe.task], folder.report("export")
    card = write_card(
        folder.id,
        recipe,
        split,
        data,
        evaluation,
        base_of(folder),
        recipe.export,
        baseline=task.reference_baseline,
        parity=exported.details["formats"] if exported else None,
    )
    (staging / "README.md").write_text(card, encoding="utf-8")
    files.write_json(staging / "recipe.json", to_dict(recipe))
    files.write_json(staging / "labels.json", list(split.labels))
    for name in ("reports", "verdicts", "reviews"):
        if (folder.path / name).is_dir():
            shutil.copytree(folder.path / name, staging / name)
    return staging


def predicate(folder: RunFolder, home: Path) -> dict[str, Any]:
    """Return what the certificate states about the artifact, besides its files."""
    recipe, declared = folder.recipe(), files.read_json(folder.path / "declared.json")
    split, _ = load_split(folder.split_folder(home))
    base = base_of(folder)
    reports = {stage: folder.report(stage) for stage in ("data", "baseline", "train", "evaluate", "export", "simulate")}
    verdicts = {stage: folder.verdict(stage) for stage in reports}
    return {
        "recipe": {"name": recipe.name, "digest": declared["recipe"], "gates": declared["gates"]},
        "base": {"name": base.name, "revision": base.revision, "digest": base.digest},
        "data": {
            "sources": [{"name": s.name, "digest": s.digest, "license": s.license} for s in split.sources],
            "split": split.digest,
            "test": declared["test"],
            "times_scored": declared["times_scored"],
        },
        "environment": fingerprint(*folder.trained_with()),
        "modulation": None,
        **_resume(reports["train"]),
        "metrics": headline(reports["evaluate"]),
        "reports": {stage: report_digest(report) for stage, report in reports.items() if report},
        "verdicts": {
            stage: {"digest": verdict_digest(verdict), "decision": verdict.decision}
            for stage, verdict in verdicts.items()
            if verdict
        },
        "reviews": [
            {"stage": one.stage, "decision": one.decision, "reason": one.reason_digest} for one in folder.reviews()
        ],
        "simulate": "in-process, advisory",
        "trained_by": "a trainer, elsewhere" if folder.trained_elsewhere else "home",
        "judged_by": "home",
        "cost": {"seconds": round(seconds_spent(folder), 1), "attempts": len(folder.attempts())},
    }


def _resume(report: Report | None) -> dict[str, str]:
    """Return whether a training that was interrupted would have ended as this one, where its kind can't promise it."""
    said = report.details.get("resume") if report else None
    return {"resume": str(said)} if said else {}


def headline(report: Report | None) -> dict[str, float]:
    """Return value, baseline and difference of each metric of the evaluation, flat."""
    flat: dict[str, float] = {}
    for name, measure in (report.metrics if report else {}).items():
        ends = measure.difference_interval
        parts = {"": measure.value, "_baseline": measure.baseline, "_difference": measure.difference}
        parts |= {"_difference_low": ends[0] if ends else None, "_difference_high": ends[1] if ends else None}
        flat |= {f"{name}{suffix}": value for suffix, value in parts.items() if value is not None}
    return flat


def base_of(folder: RunFolder) -> BaseRef:
    """Return the base model that the exports belong to."""
    said = files.read_json(folder.path / "base.json")
    return BaseRef(Path(said["folder"]), said["name"], said["revision"], said["digest"])


def seconds_spent(folder: RunFolder) -> float:
    """Return the seconds between the first and the last event of each attempt, added up."""
    spans: dict[int, list[str]] = {}
    for event in read_journals(folder.path):
        spans.setdefault(event.attempt, []).append(event.time)
    return sum(
        (datetime.fromisoformat(times[-1]) - datetime.fromisoformat(times[0])).total_seconds()
        for times in spans.values()
    )
