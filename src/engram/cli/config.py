"""engram config: the settings in force, and where a value of a recipe comes from."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated

import typer

from engram.cli import output
from engram.cli.output import Json
from engram.errors import UsageError


def config(
    recipe: Annotated[str | None, typer.Argument(help="A recipe file or name, to explain one of its keys.")] = None,
    explain: Annotated[str | None, typer.Option("--explain", metavar="KEY", help="As train.seed, or home.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As given to train.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="As given to train.")] = None,
    local_test: Annotated[bool, typer.Option("--local-test", help="As given to train.")] = False,
    json: Json = False,
) -> None:
    """Say where a value comes from: flag, --set, ENGRAM_*, profile, recipe, card or default, in this order."""
    from engram.config.explain import explain_recipe, explain_settings, setting_names
    from engram.config.load import load_recipe

    if recipe is None and explain is not None and explain not in setting_names():
        raise UsageError(
            f"{explain!r} is no setting ({', '.join(setting_names())}).",
            remedy=f"For a key of a recipe name the recipe: engram config quickstart --explain {explain}",
        )
    if recipe is None:
        found = explain_settings(os.environ, explain)
    elif explain is None:
        raise UsageError("Which key? A recipe is explained key by key.", remedy="Add for example --explain train")
    else:
        loaded = load_recipe(recipe, sets=sets or (), profile=profile, local_test=local_test)
        found = explain_recipe(loaded, explain)
    output.table(("key", "value", "from"), [[one.key, _shown(one.value), one.origin] for one in found])
    if output.json_wanted():
        output.emit_json([asdict(one) for one in found])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(none)"
    return "(none)" if value in (None, "", {}) else str(value)
