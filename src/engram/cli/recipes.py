"""engram recipes: list, show, explain, check, start and import recipes. Nothing here imports a model library."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.output import Json
from engram.errors import EngramError, NotFound, RecipeError, UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value; repeatable.")]
Profile = Annotated[str | None, typer.Option("--profile", help="Lay one of the recipe's profiles over it.")]


@app.callback()
def recipes() -> None:
    """List, show, explain, check, start and import recipes."""


@app.command("list")
def list_recipes(json: Json = False) -> None:
    """List the recipes that ship with Engram, and those that people saved where a server owns the home."""
    from engram.cli.served import client_of
    from engram.config.read import read_tree
    from engram.config.shipped import find_recipe, shipped_names
    from engram.settings import load_settings

    keys = ("name", "kind", "task", "use", "title")
    if (server := client_of(load_settings().home)) is not None:
        found = [{key: str(one.get(key, "")) for key in keys} for one in server.recipes.list()]
    else:
        trees = [read_tree(find_recipe(name)).data for name in shipped_names()]
        found = [{key: str(data.get(key, "")) for key in keys} for data in trees]
    output.table(keys, [list(recipe.values()) for recipe in found])
    if output.json_wanted():
        output.emit_json(found)


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one.")],
    sets: Sets = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show a recipe as written; with --json as it would run."""
    from engram.config.load import load_recipe
    from engram.schema.codec import to_dict

    if (text := _saved(recipe)) is not None:
        output.emit({"recipe": recipe, "text": text}, text.rstrip("\n"))
        return
    loaded = load_recipe(recipe, sets=sets or (), profile=profile)
    whole = {"recipe": to_dict(loaded.recipe), "digest": loaded.digest, "file": str(loaded.file)}
    output.emit(whole, loaded.file.read_text(encoding="utf-8-sig").rstrip("\n"))


@app.command()
def explain(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one.")],
    key: Annotated[str | None, typer.Argument(help="As train.seed; without it every value that somebody said.")] = None,
    sets: Sets = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Say where each value of a recipe comes from, and which names of other tools were read as ours."""
    from engram.config.explain import DEFAULT, explain_recipe
    from engram.config.load import load_recipe

    loaded = load_recipe(recipe, sets=sets or (), profile=profile)
    blocks = {name.split(".")[0]: None for name in loaded.origins}
    found = explain_recipe(loaded, key) if key else [one for name in blocks for one in explain_recipe(loaded, name)]
    shown = found if key else [one for one in found if one.origin != DEFAULT]
    output.table(("key", "value", "from"), [[one.key, _value(one.value), one.origin] for one in shown])
    for note in loaded.notes:
        output.say(f"note   {note}", "dim")
    if output.json_wanted():
        output.emit_json({"values": [asdict(one) for one in shown], "notes": list(loaded.notes)})


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(help="Recipe files or names of shipped recipes.")],
    sets: Sets = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Check recipes and tell every fault with its line.

    Keys, types, names, numbers, gates and licences are checked, for each profile too. The exit code is 2 on a fault.
    """
    results = [_validate(file, sets or [], profile) for file in files]
    for result in results:
        for problem in result["problems"]:
            output.show_error(problem["text"])
        for note in result["notes"]:
            output.say(f"note   {note}", "dim")
        if result["valid"]:
            output.say(f"valid  {result['file']}")
    if output.json_wanted():
        output.emit_json({"valid": all(result["valid"] for result in results), "files": results})
    if not all(result["valid"] for result in results):
        raise typer.Exit(2)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The recipe's name; the file is NAME.yaml.")],
    folder: Annotated[Path, typer.Option("--in", help="The folder to write it in.")] = Path(),
    json: Json = False,
) -> None:
    """Write a new recipe, with comments; no file is replaced."""
    from engram.config.check import is_name
    from engram.config.template import recipe_template

    if not is_name(name):
        raise UsageError(
            f"{name!r} is no name for a recipe.",
            remedy="Use 1 to 64 lower-case letters, digits, _ or -, beginning with a letter or digit.",
        )
    file = folder / f"{name}.yaml"
    _write_new(file, recipe_template(name), remedy="Choose another name, or remove the file.")
    output.emit({"file": str(file)}, f"Wrote {file}.", f"Next: engram recipes validate {file}")


@app.command("import")
def import_recipe(
    file: Annotated[Path, typer.Argument(help="A configuration file of another tool.")],
    peer: Annotated[
        str | None,
        typer.Option("--from", help="llama-factory, axolotl, trl or autotrain; found by the keys otherwise."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The recipe to write; NAME.yaml otherwise.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write it also where keys that matter are left out.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a recipe of a file of LLaMA-Factory, Axolotl, TRL or AutoTrain, and tell what became of each key.

    Every key is carried over, ignored with a reason, or not supported yet. Where one of the last changes the training
    nothing is written and the exit code is 2, unless --partial is given. No file is replaced.
    """
    from engram.cli.imported import as_json, show_imported
    from engram.config.importers.importing import import_config

    found = import_config(file, peer=peer, out=out.parent if out else Path(), partial=partial)
    target = None
    problems: list[dict[str, Any]] = []
    if found.text is not None:
        target = out or Path(f"{found.name}.yaml")
        _write_new(target, found.text, remedy="Choose another name with --out, or remove the file.")
        problems, _ = _problems(str(target), [], None)
    show_imported(found, target, [problem["text"] for problem in problems])
    if output.json_wanted():
        output.emit_json(as_json(found, target, problems))
    if target is None or problems:
        raise typer.Exit(2)


@app.command()
def schema(json: Json = False) -> None:
    """Print the JSON schema of a recipe, for editors."""
    from engram.config.jsonschema import recipe_schema

    output.emit_json(recipe_schema())


def _saved(recipe: str) -> str | None:
    """Return the text of a recipe that somebody saved on the home's server; None for files and shipped recipes."""
    from engram.cli.served import client_of
    from engram.config.check import is_name
    from engram.config.shipped import shipped_names
    from engram.settings import load_settings

    if recipe in shipped_names() or not is_name(recipe) or Path(recipe).exists():
        return None
    server = client_of(load_settings().home)
    return None if server is None else str(server.recipes.get(recipe)["text"])


def _write_new(file: Path, text: str, remedy: str) -> None:
    if not file.parent.is_dir():
        raise NotFound(f"There is no folder {file.parent}.")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} exists already.", remedy=remedy) from error


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "(none)" if value in (None, "", {}, []) else str(value)


def _validate(file: str, sets: list[str], profile: str | None) -> dict[str, Any]:
    problems: dict[str, dict[str, Any]] = {}
    notes: dict[str, None] = {}
    profiles: list[str | None] = [profile]
    for chosen in profiles:
        found, loaded = _problems(file, sets, chosen)
        problems |= {problem["text"]: problem for problem in found}
        if loaded:
            notes |= dict.fromkeys(loaded.notes)
            # An overlay that nobody has tried is a rumour: without --profile every one of them is checked.
            if chosen is None:
                profiles += loaded.profiles
    return {"file": file, "valid": not problems, "problems": list(problems.values()), "notes": list(notes)}


def _problems(file: str, sets: list[str], profile: str | None) -> tuple[list[dict[str, Any]], Any]:
    from engram import registry
    from engram.config.load import load_recipe
    from engram.config.problems import RecipeProblems
    from engram.gate.defaults import declare

    try:
        loaded = load_recipe(file, sets=sets, profile=profile)
    except RecipeProblems as error:
        return [
            {"where": one.where, "line": one.line, "column": one.column, "key": one.key, "text": str(one)}
            for one in error.problems
        ], None
    except EngramError as error:
        return [{"where": file, "line": 0, "column": 0, "key": "", "text": str(error)}], None
    recipe = loaded.recipe
    try:
        declare(registry.get("kind", recipe.kind).tasks[recipe.task].gates, recipe.gates)
    except UsageError as error:
        text = f"{file}: {error}" if not isinstance(error, RecipeError) else str(error)
        return [{"where": file, "line": 0, "column": 0, "key": "gates", "text": text}], loaded
    return [], loaded
