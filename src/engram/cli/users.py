"""`engram users`: list, add and change users of a server; signed in with a password, never with a key."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.house import ask_password, calling, every, path, user_id
from engram.cli.verify import printable

app = typer.Typer(help="List, add and change the users of a server.", rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="The user's name or id.")]
Role = Annotated[str, typer.Argument(help="admin, developer, viewer, or a custom role.")]


@app.command("list")
def list_users(
    role: Annotated[str, typer.Option(help="Only those with this role.")] = "",
    json: output.Json = False,
) -> None:
    """List the users, newest first."""
    with calling() as call:
        found = every(call, "/users", {"role": role} if role else {})
    rows = [(printable(one["name"]), one["role"], "out" if one["disabled"] else "", one["id"]) for one in found]
    output.table(("name", "role", "", "id"), rows)
    if output.json_wanted():
        output.emit_json(found)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The new user's name.")],
    role: Role = "developer",
    title: Annotated[str, typer.Option(help="What she is called.")] = "",
    email: Annotated[str, typer.Option(help="Her e-mail.")] = "",
    provider: Annotated[str, typer.Option(help="The issuer, for one who comes only through a provider.")] = "",
    subject: Annotated[str, typer.Option(help="Her subject at that provider.")] = "",
) -> None:
    """Add a user; her first password is shown once, and she must change it."""
    body = {"name": name, "role": role, "title": title, "email": email}
    with calling(in_person=True) as call:
        made = call("POST", "/users", body | ({"provider": provider, "subject": subject} if provider else {}))
    _say(made, f"{printable(made['name'])} is here as {made['role']}.")


@app.command("role")
def assign(name: Name, role: Role) -> None:
    """Give a user another role."""
    with calling(in_person=True) as call:
        made = call("PUT", f"{path('users', user_id(call, name))}/role", {"role": role})
    output.emit(made, f"{printable(made['name'])} is {made['role']} now.")


@app.command()
def disable(name: Name, undo: Annotated[bool, typer.Option("--undo", help="Let her in again.")] = False) -> None:
    """Keep a user out at once: her sign-ins end, her keys don't count."""
    with calling() as call:
        made = call("PUT", f"{path('users', user_id(call, name))}/disabled", {"disabled": not undo})
    output.emit(made, f"{printable(made['name'])} {'may come in again' if undo else 'is kept out'}.")


@app.command()
def reset(name: Name) -> None:
    """Give a user a new random password, shown once; her sign-ins and keys end."""
    with calling(in_person=True) as call:
        made = call("POST", f"{path('users', user_id(call, name))}/password")
    _say(made, f"{printable(made['name'])} has a new password.")


@app.command()
def password() -> None:
    """Change your own password; every sign-in of yours ends."""
    with calling(in_person=True) as call:
        old, new = ask_password("Present password again"), ask_password("New password")
        call("POST", "/users/me/password", {"old": old, "new": new})
    output.emit({"changed": True}, "Your password is changed.")


def _say(made: dict[str, Any], line: str) -> None:
    shown = f"Password  {made['password']}  (shown once; it must be changed)" if made.get("password") else ""
    output.emit(made, line, *([shown] if shown else []))
