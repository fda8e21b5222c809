"""`engram train`: one recipe becomes one judged, signed, usable model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.figures import ends, figure, known_directions, marked, ordered


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")] = "",
    sets: Annotated[list[str] | None, typer.Option("--set", help="Change a value: train.learning_rate=1e-4.")] = None,
    profile: Annotated[str | None, typer.Option(help="One of the recipe's profiles.")] = None,
    local_test: Annotated[bool, typer.Option("--local-test", help="Few rows and steps, to see that it runs.")] = False,
    baseline_only: Annotated[bool, typer.Option("--baseline-only", help="Measure the baselines and stop.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with a run: its id, or 'last'.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train together (train.parallel).")] = 1,
    outdir: Annotated[
        Path | None, typer.Option(help="Also leave artifacts_<kind>/<timestamp>/ in this folder.")
    ] = None,
) -> int:
    """Train a recipe: baseline, training, gates, export, certificate."""
    from engram.artifacts.home_keys import HomeKeys
    from engram.cli.live import Live
    from engram.cli.served import client_of
    from engram.config.load import load_recipe
    from engram.errors import UsageError
    from engram.pipeline.begin import begin
    from engram.pipeline.folder import find_run
    from engram.pipeline.run import execute
    from engram.settings import load_settings

    settings = load_settings()
    if bool(recipe) == bool(resume):
        raise UsageError("Name a recipe to train, or a run to --resume, and not both.", remedy="See: engram recipes")
    if (server := client_of(settings.home)) is not None:
        from engram.cli.served_train import refuse_unknown, train_served

        refuse_unknown(baseline_only, workers)
        folder = train_served(server, settings.home, recipe, sets or (), profile, local_test=local_test, resume=resume)
        return _conclude(folder, settings.home, outdir)
    if resume:
        folder = find_run(settings.home, resume)
    else:
        loaded = load_recipe(recipe, sets=sets or (), profile=profile, local_test=local_test)
        for note in loaded.notes:
            output.say(note, "dim")
        folder = begin(loaded, settings.home)
    shown = folder.recipe()
    output.say(f"Run {folder.id}: {shown.title or shown.name} ({shown.kind}, {shown.task})", "bold")
    with Live(folder, shown) as live:
        execute(
            folder,
            settings.home,
            settings.threads,
            live.event,
            baseline_only=baseline_only,
            workers=workers,
            on_state=live.state,
            keys=HomeKeys(settings.home),
        )
    return _conclude(folder, settings.home, outdir)


def _conclude(folder: Any, home: Path, outdir: Path | None) -> int:
    record = folder.record()
    page = write_page(folder, home)
    left = _copy_out(home, record.artifact, record.kind, outdir) if outdir and record.artifact else None
    output.emit(
        {"run": folder.id, "state": record.state, "artifact": record.artifact, "metrics": dict(record.metrics)},
        *summary(folder, home, record, page),
        *([f"Copied to     {left}"] if left else []),
    )
    return 0


def summary(folder: Any, home: Path, record: Any, page: Path) -> list[str]:
    """Return what a person wants to read at the end of a run."""
    from engram.artifacts.store import folder_of
    from engram.cli.live import TITLES

    evaluation, baseline = folder.report("evaluate"), folder.report("baseline")
    lines = [""]
    if evaluation is not None:
        lines += compared(evaluation, known_directions(folder.recipe()))
    elif baseline is not None:
        lines += measured(baseline.details["baselines"], known_directions(folder.recipe()))
    decisions = [f"{stage} {v.decision}" for stage in TITLES if (v := folder.verdict(stage)) is not None]
    lines += ["", f"Verdicts      {', '.join(decisions)}"]
    if record.artifact:
        lines += [
            f"Artifact      {record.artifact}",
            f"              {folder_of(home / 'artifacts', record.artifact)}",
            f"Verify        engram verify {folder_of(home / 'artifacts', record.artifact)}",
        ]
    return [*lines, f"Report        {page}"]


def compared(evaluation: Any, better: Mapping[str, str]) -> list[str]:
    """Return the tuned model against its reference baseline, a line for each metric."""
    from engram.pipeline.page.baselines import baselines

    reference = unescape(baselines({"evaluate": evaluation}, {}, None).reference)
    rows = [
        (
            marked(name, better),
            figure(one.baseline),
            figure(one.value),
            figure(one.difference, signed=True),
            ends(one.difference_interval),
        )
        for name, one in ordered(evaluation.metrics, better)
    ]
    return aligned(("metric", reference, "tuned", "difference", "95 % interval"), rows, better)


def measured(baselines: Mapping[str, Mapping[str, float | None]], better: Mapping[str, str]) -> list[str]:
    """Return what the baselines alone score, a line for each metric and a column for each baseline."""
    names = {name: None for values in baselines.values() for name in values}
    rows = [
        (marked(name, better), *(figure(values.get(name)) for values in baselines.values()))
        for name, _ in ordered(names, better)
    ]
    return aligned(("metric", *(who.replace("_", " ") for who in baselines)), rows, better)


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], better: Mapping[str, str]) -> list[str]:
    """Return a table as lines, numbers to the right, and what an arrow means where there is one.

    >>> aligned(("metric", "tuned"), [("loss ↓", "2.4000"), ("exact_match", "0.1")], {"loss": "min"})
    ['metric        tuned', 'loss ↓       2.4000', 'exact_match     0.1', '↓ lower is better']
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(pairs)).rstrip()
        for pairs in (list(zip(row, widths, strict=True)) for row in (heads, *rows))
    ]
    return [*lines, *(["↓ lower is better"] if any(row[0].endswith("↓") for row in rows) else [])]


def write_page(folder: Any, home: Path) -> Path:
    """Write the run's HTML report and return its path."""
    from engram.files import write_atomic
    from engram.pipeline.story_page import render_run

    page = Path(folder.path / "report.html")
    write_atomic(page, render_run(folder, home).encode())
    return page


def _copy_out(home: Path, artifact: str, kind: str, outdir: Path) -> Path:
    import shutil
    from datetime import UTC, datetime

    from engram.artifacts.home_keys import HomeKeys
    from engram.artifacts.opened import opened
    from engram.artifacts.store import folder_of

    target = outdir / f"artifacts_{kind}" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    with opened(folder_of(home / "artifacts", artifact), HomeKeys(home)) as plain:
        shutil.copytree(plain, target)
    return target
