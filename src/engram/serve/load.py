"""Opening exported files so that they answer inputs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engram import files, registry
from engram.errors import NotFound
from engram.export.format import BaseRef
from engram.schema.codec import from_dict
from engram.schema.recipe import Recipe

Predictor = Callable[[Sequence[Any]], list[dict[str, Any]]]


def open_artifact(folder: Path) -> Predictor:
    """Return the function that answers a list of inputs with an artifact's model.

    Raises NotFound when the folder is no artifact, or holds only an adapter whose base can't be found.
    """
    if not (folder / "recipe.json").is_file() or not (folder / "labels.json").is_file():
        raise NotFound(f"{folder} is no artifact: it holds no recipe.json.", remedy="Name an artifact's folder.")
    recipe = from_dict(Recipe, files.read_json(folder / "recipe.json"))
    return open_exports(folder, recipe, tuple(files.read_json(folder / "labels.json")))


def open_exports(folder: Path, recipe: Recipe, labels: tuple[str, ...]) -> Predictor:
    """Return the predictor of the exported formats in a folder; whole models come before adapters."""
    code = importlib.import_module(registry.get("kind", recipe.kind).code).task(recipe.task)
    formats = [name for name in recipe.export if (folder / name).is_dir()]
    if not formats:
        raise NotFound(f"{folder} holds none of the recipe's exports ({', '.join(recipe.export)}).")
    name = max(formats, key=lambda one: registry.get("export", one).consumes)
    base = code.find_base(recipe.model) if not registry.get("export", name).consumes else _NO_BASE
    loaded = code.reopen(name, folder / name, base, labels, recipe)

    def answer(inputs: Sequence[Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = code.answer(loaded, inputs)
        return found

    return answer


_NO_BASE = BaseRef(Path(), "", "", "")
