"""`engram policy`: what each role may do, as the server decides it."""

from __future__ import annotations

from typing import Annotated

import typer

from engram.cli import output
from engram.cli.house import calling


def policy(
    noun: Annotated[str, typer.Argument(help="Only the operations of this noun, as runs.")] = "",
    json: output.Json = False,
) -> None:
    """Show every operation and how far each role reaches with it."""
    with calling() as call:
        found = call("GET", "/policy")
    names = [one["name"] for one in found["roles"]]
    chosen = [one for one in found["operations"] if not noun or one["name"].startswith(f"{noun}.")]
    rows = [(one["name"], *(_reach(one["reach"][name]) for name in names)) for one in chosen]
    output.table(("operation", *names), rows)
    if output.json_wanted():
        output.emit_json({**found, "operations": chosen})


def _reach(said: str) -> str:
    return "–" if said == "none" else said
