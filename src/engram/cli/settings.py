"""`engram settings`: what an Admin changes while the server runs."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.house import calling, path
from engram.cli.verify import printable

app = typer.Typer(help="List, read and change the settings of a server.", rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="A setting, as the list names it.")]


@app.command("list")
def list_settings(json: output.Json = False) -> None:
    """List every setting with its value."""
    with calling() as call:
        found = call("GET", "/settings")["items"]
    rows = [(one["name"], _short(one["value"]), "" if one["version"] else "default", one["help"]) for one in found]
    output.table(("setting", "value", "", "what it is for"), rows)
    if output.json_wanted():
        output.emit_json(found)


@app.command("get")
def show(name: Name) -> None:
    """Show one setting: value, default, bounds, and who changed it when."""
    with calling() as call:
        found = _find(call, name)
    output.pairs({key: _short(value) for key, value in found.items() if value is not None})
    if output.json_wanted():
        output.emit_json(found)


@app.command("set")
def change(
    name: Name, value: Annotated[str, typer.Argument(help="The new value, as JSON: 4096, or '[\"org/*\"]'.")]
) -> None:
    """Change a setting; it counts from the next request on."""
    with calling() as call:
        before = _find(call, name)
        asked = value if before["type"] == "text" else _read(value)
        made = call("PUT", path("settings", name), {"value": asked}, headers={"If-Match": f'"{before["version"]}"'})
    output.emit(made, f"{made['name']}  {_short(before['value'])} → {_short(made['value'])}")


def _find(call: Any, name: str) -> dict[str, Any]:
    from engram.errors import UnknownName

    items: dict[str, dict[str, Any]] = {one["name"]: one for one in call("GET", "/settings")["items"]}
    if name not in items:
        raise UnknownName.of("setting", name, items)
    return items[name]


def _read(value: str) -> Any:
    from engram.errors import UsageError

    try:
        return json_text.loads(value)
    except ValueError as error:
        raise UsageError(
            f"{value[:60]!r} is no JSON: {error}.", remedy="For example: 4096, or '[\"org/*\"]'"
        ) from error


def _short(value: Any) -> str:
    return printable(value if isinstance(value, str) else json_text.dumps(value, ensure_ascii=False))
