"""`engram template`: register a base model with its data and recipe, certified; list and show what is registered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.output import Json
from engram.cli.verify import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def template() -> None:
    """Register, list and show templates."""


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="The template's name, as my_tickets.")],
    kind: Annotated[str, typer.Option(help="The kind of model, as language.")],
    source: Annotated[str, typer.Option(help="The base model: a hub id, embedded:minilm, made:causal, or a folder.")],
    task: Annotated[str, typer.Option(help="A task of the kind; without it that of the recipe.")] = "",
    revision: Annotated[str, typer.Option(help="The commit of the hub id, 40 hex digits.")] = "",
    dataset: Annotated[str, typer.Option(help="The name or digest of a dataset of this home.")] = "",
    sample: Annotated[str, typer.Option(help="A sample that ships with Engram.")] = "",
    hub: Annotated[str, typer.Option(help="A data set of the hub, as org/name@commit.")] = "",
    recipe: Annotated[str, typer.Option(help="The recipe to begin with; without it the starter of the task.")] = "",
    columns: Annotated[str, typer.Option(help="Which column is which, as text=sentence,label=class.")] = "",
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value.")] = None,
    json: Json = False,
) -> None:
    """Put a template together, pin all of it, and certify it in the ledger."""
    from engram.cli.data import parse_columns
    from engram.pipeline.template import Wanted
    from engram.settings import load_settings

    wanted = Wanted(
        name=name,
        kind=kind,
        source=source,
        task=task,
        revision=revision,
        recipe=recipe,
        dataset=dataset,
        sample=sample,
        hub=hub,
        columns=parse_columns(columns),
        sets=tuple(sets or ()),
    )
    made = register_home(load_settings().home, wanted)
    output.emit(
        made,
        f"Registered {printable(made['name'])} as {made['id']}",
        f"Digest     {made['digest']}",
        f"Verify     engram template show {printable(made['name'])} --certificate FILE, then engram verify FILE",
    )


@app.command("list")
def list_templates(json: Json = False) -> None:
    """List the templates of this home."""
    from engram.settings import load_settings

    found = list_home(load_settings().home)
    columns = ("name", "kind", "task", "source", "revision", "id")
    output.table(columns, [[printable(str(one[key])) for key in columns] for one in found])
    if output.json_wanted():
        output.emit_json(found)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The name or id of a template.")],
    certificate: Annotated[Path | None, typer.Option(help="Also write its certificate to this file.")] = None,
    json: Json = False,
) -> None:
    """Show a template with its whole recipe."""
    from engram.files import canonical_json, write_atomic
    from engram.settings import load_settings

    found = show_home(load_settings().home, name)
    proof = found.pop("certificate")
    if certificate is not None:
        write_atomic(certificate, canonical_json(proof))
    if output.json_wanted():
        output.emit_json(found)
        return
    shown = ("id", "name", "kind", "task", "source", "revision", "digest", "dataset", "created")
    output.pairs({key: printable(str(found[key])) for key in shown})
    output.say()
    output.say(str(found["recipe_text"]).rstrip("\n"))


def register_home(home: Path, wanted: Any) -> dict[str, Any]:
    """Register a template, by the server where one owns the home; raises what `draft` raises."""
    from dataclasses import asdict

    from engram.cli.served import client_of
    from engram.config.check import is_name
    from engram.errors import UsageError
    from engram.files import home_lock
    from engram.pipeline.local_templates import register
    from engram.pipeline.run import open_ledger

    if not is_name(wanted.name):
        raise UsageError(
            f"{wanted.name!r} is no name for a template.",
            remedy="Use 1 to 64 lower-case letters, digits, _ or -, beginning with a letter or digit.",
        )
    if (server := client_of(home)) is not None:
        said = {key: value for key, value in asdict(wanted).items() if value and key != "sets"}
        return dict(server.templates.register(**said, set=list(wanted.sets)))
    with home_lock(home, "template register"):
        made = as_shown(register(home, wanted, open_ledger(home)))
    made.pop("certificate")
    return made


def list_home(home: Path) -> list[dict[str, Any]]:
    """Return the templates of a home, or of its server, without their certificates."""
    from engram.cli.served import client_of
    from engram.pipeline.local_templates import list_templates

    if (server := client_of(home)) is not None:
        return list(server.templates.list())
    found = [as_shown(one) for one in list_templates(home)]
    return [{key: value for key, value in one.items() if key != "certificate"} for one in found]


def show_home(home: Path, name: str) -> dict[str, Any]:
    """Return a template by its name or id, with its certificate; raises NotFound."""
    from engram.cli.served import client_of
    from engram.errors import NotFound
    from engram.pipeline.local_templates import find_template

    if (server := client_of(home)) is not None:
        found = next((one for one in server.templates.list() if name in (one["name"], one["id"])), None)
        if found is None:
            raise NotFound(f"There is no template {name[:80]!r}.", remedy="`engram template list` shows them.")
        return {**found, "certificate": server.templates.certificate(found["id"])}
    return as_shown(find_template(home, name))


def as_shown(one: Any) -> dict[str, Any]:
    """Return a template of a home as the API shows one, and its certificate."""
    from engram.schema.codec import to_dict

    said: dict[str, Any] = to_dict(one)
    body = said.pop("body")
    said.pop("format")
    return {**said, **body}
