"""`engram audit`: who did what on a server, and that no line of it was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.house import calling
from engram.cli.verify import printable

app = typer.Typer(help="Read the audit of a server, and prove that it is whole.", rich_markup_mode=None)
Actor = Annotated[str, typer.Option(help="Only what this user did, by her id.")]
Operation = Annotated[str, typer.Option(help="Only this operation, as runs.create.")]
Subject = Annotated[str, typer.Option(help="Only what was done to this, by its id.")]
Since = Annotated[str, typer.Option("--from", help="The first time, as 2026-11-20T15:00:00Z.")]
Until = Annotated[str, typer.Option("--to", help="The time before which.")]


@app.command("list")
def list_lines(
    actor: Actor = "",
    operation: Operation = "",
    subject: Subject = "",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many lines.")] = 50,
    json: output.Json = False,
) -> None:
    """List what was done, newest first."""
    with calling() as call:
        found = call("GET", "/audit", query={**_wanted(actor, operation, subject, since, until), "limit": limit})
    lines = found["items"]
    columns = ("time", "actor", "operation", "subject", "outcome", "reason")
    output.table(columns, [[printable(str(one[name] or "")) for name in columns] for one in lines])
    if output.json_wanted():
        output.emit_json(lines)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The CSV file to write; it must not be there.")],
    actor: Actor = "",
    operation: Operation = "",
    subject: Subject = "",
    since: Since = "",
    until: Until = "",
) -> None:
    """Write lines as CSV, oldest first."""
    from engram.errors import Conflict
    from engram.files import write_atomic

    if file.exists():
        raise Conflict(f"{file} is there already.", remedy="Name another file.")
    with calling() as call:
        content = call.content("/audit/export", _wanted(actor, operation, subject, since, until))
    write_atomic(file, content)
    output.emit({"file": str(file), "bytes": len(content)}, f"Written: {file}")


@app.command()
def check(json: output.Json = False) -> None:
    """Prove that no line was changed, dropped, added or moved; names the line that was."""
    with calling() as call:
        found = call("GET", "/audit/check")
    output.emit(found, f"All {found['size']} lines are as they were written: {found['digest']}")


def _wanted(actor: str, operation: str, subject: str, since: str, until: str) -> dict[str, Any]:
    said = {"actor": actor, "operation": operation, "subject": subject, "from": since, "to": until}
    return {name: value for name, value in said.items() if value}
