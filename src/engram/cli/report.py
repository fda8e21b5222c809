"""`engram report`: what a run measured, as text or as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engram.cli import output


def report(
    run: Annotated[str, typer.Argument(help="A run's id, or the beginning of it, or 'last'.")] = "last",
    html: Annotated[Path | None, typer.Option("--html", help="Write the whole report to this file.")] = None,
) -> int:
    """Show what a run measured, as text or as one HTML file."""
    from engram.files import write_atomic
    from engram.pipeline.folder import find_run
    from engram.pipeline.story_page import STAGES, render_run
    from engram.schema.codec import to_dict
    from engram.settings import load_settings

    home = load_settings().home
    folder = find_run(home, run)
    record = folder.record()
    if html is not None:
        write_atomic(html, render_run(folder, home).encode())
        output.emit({"run": record.id, "html": str(html)}, f"Wrote {html}")
        return 0
    reports = {stage: one for stage in STAGES if (one := folder.report(stage)) is not None}
    verdicts = {stage: found for stage in STAGES if (found := folder.verdict(stage)) is not None}
    output.say(f"{record.id}  {record.recipe}  {record.state}  {record.reason}".rstrip(), "bold")
    output.table(
        ("stage", "metric", "value", "95 % interval", "baseline", "difference", "its interval"),
        [
            (
                stage,
                name,
                _number(m.value),
                _ends(m.interval),
                _number(m.baseline),
                _number(m.difference),
                _ends(m.difference_interval),
            )
            for stage, one in reports.items()
            for name, m in one.metrics.items()
        ],
    )
    output.say()
    output.table(
        ("gate", "metric", "asked", "observed", "passed", "severity", "reason"),
        [
            (
                stage,
                c.metric,
                f"{c.op} {c.threshold:g}",
                _number(c.observed),
                "yes" if c.passed else "NO",
                c.severity,
                c.reason,
            )
            for stage, verdict in verdicts.items()
            for c in verdict.criteria
        ],
    )
    if output.json_wanted():
        output.emit_json({"run": to_dict(record), "reports": to_dict(reports), "verdicts": to_dict(verdicts)})
    return 0


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _ends(interval: tuple[float, ...] | None) -> str:
    return "" if interval is None else f"[{interval[0]:.4f}, {interval[1]:.4f}]"
