"""`engram roles`: roles of one's own, each a name for operations and how far they reach."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.house import calling, path
from engram.cli.verify import printable

app = typer.Typer(help="List, make and change custom roles of a server.", rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="The role's name.")]
Operations = Annotated[list[str], typer.Argument(help="Operations and how far each reaches, as runs.list=any.")]


@app.command("list")
def list_roles(json: output.Json = False) -> None:
    """List the custom roles; `engram policy` shows them beside the others."""
    with calling() as call:
        found = call("GET", "/roles")["items"]
    output.table(("name", "operations"), [(printable(one["name"]), _said(one)) for one in found])
    if output.json_wanted():
        output.emit_json(found)


@app.command()
def make(name: Name, operations: Operations) -> None:
    """Make a role; nobody makes one that reaches farther than she does."""
    asked = {"name": name, "operations": _read(operations)}
    with calling(in_person=True) as call:
        made = call("POST", "/roles", asked)
    output.emit(made, f"{printable(made['name'])} may {_said(made)}.")


@app.command()
def change(name: Name, operations: Operations) -> None:
    """Give a role other operations in place of those it has; they count from the next request on."""
    asked = {"operations": _read(operations)}
    with calling(in_person=True) as call:
        before = call("GET", path("roles", name))
        made = call("PUT", path("roles", name), asked, headers={"If-Match": f'"{before["version"]}"'})
    output.emit(made, f"{printable(made['name'])} may {_said(made)}.")


@app.command()
def remove(name: Name) -> None:
    """Remove a role that nobody has."""
    with calling(in_person=True) as call:
        call("DELETE", path("roles", name))
    output.emit({"name": name, "removed": True}, f"There is no role {printable(name)} any more.")


def _read(operations: list[str]) -> dict[str, str]:
    """Read ``operation=reach`` words; raises UsageError for another one."""
    from engram.errors import UsageError

    pairs = [one.partition("=") for one in operations]
    if bad := next((one for (name, _, far), one in zip(pairs, operations, strict=True) if not (name and far)), None):
        raise UsageError(f"{bad!r} is no operation with a reach.", remedy="As: runs.list=any (own, shared or any).")
    return {name: far for name, _, far in pairs}


def _said(role: dict[str, Any]) -> str:
    return ", ".join(f"{name}={far}" for name, far in sorted(role["operations"].items()))
