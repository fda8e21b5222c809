"""`engram keys`: list, make and revoke API keys; making one needs a person and her password."""

from __future__ import annotations

from typing import Annotated

import typer

from engram.cli import output
from engram.cli.home_keys import rotate
from engram.cli.house import calling, every, path
from engram.cli.verify import printable

app = typer.Typer(help="List, make and revoke API keys; rotate the home's own.", rich_markup_mode=None)
DAY = 24 * 3600
app.command()(rotate)


@app.command("list")
def list_keys(json: output.Json = False) -> None:
    """List your keys, without their secrets; an Admin sees everybody's."""
    with calling() as call:
        found = every(call, "/keys")
    rows = [
        (one["prefix"], printable(one["name"]), "revoked" if one["revoked"] else "", " ".join(one["scopes"]))
        for one in found
    ]
    output.table(("key", "name", "", "scopes"), rows)
    if output.json_wanted():
        output.emit_json(found)


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help="An operation, noun.* or *; may be given again.")],
    days: Annotated[int, typer.Option(min=0, help="How long it is good; 0 is until it is revoked.")] = 90,
) -> None:
    """Make a key; it is shown this once."""
    import time

    body = {"name": name, "scopes": list(scope), "expires_at": int(time.time()) + days * DAY if days else None}
    with calling(in_person=True) as call:
        made = call("POST", "/keys", body)
    output.emit(made, f"{made['key']}", "Shown once: keep it in ENGRAM_API_KEY.")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key as the list shows it, egk_ and 12 digits.")]) -> None:
    """Revoke a key; it stops working at once."""
    with calling() as call:
        call("DELETE", path("keys", prefix))
    output.emit({"revoked": prefix}, f"{printable(prefix)} is revoked.")
