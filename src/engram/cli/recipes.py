"""engram recipes: list, show, check and start recipes. Nothing here imports a model library."""

from __future__ import annotations

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
    """List, show, check and start recipes."""


@app.command("list")
def list_recipes(json: Json = False) -> None:
    """List the recipes that ship with Engram."""
    from engram.config.read import read_tree
    from engram.config.shipped import find_recipe, shipped_names

    keys = ("name", "kind", "task", "use", "title")
    found = []
    for name in shipped_names():
        data = read_tree(find_recipe(name)).data
        found.append({key: str(data.get(key, "")) for key in keys})
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

    loaded = load_recipe(recipe, sets=sets or (), profile=profile)
    whole = {"recipe": to_dict(loaded.recipe), "digest": loaded.digest, "file": str(loaded.file)}
    output.emit(whole, loaded.file.read_text(encoding="utf-8-sig").rstrip("\n"))


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
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(recipe_template(name))
    except FileExistsError as error:
        raise UsageError(f"{file} exists already.", remedy="Choose another name, or remove the file.") from error
    output.emit({"file": str(file)}, f"Wrote {file}.", f"Next: engram recipes validate {file}")


@app.command()
def schema(json: Json = False) -> None:
    """Print the JSON schema of a recipe, for editors."""
    from engram.config.jsonschema import recipe_schema

    output.emit_json(recipe_schema())


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
