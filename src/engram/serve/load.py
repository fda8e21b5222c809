"""Opening exported files so that they answer inputs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from engram import files, registry
from engram.artifacts.manifest import parse_manifest
from engram.errors import NotFound
from engram.export.format import BaseRef, best_to_open
from engram.schema.codec import from_dict
from engram.schema.options import Options
from engram.schema.recipe import Recipe


class Predictor(Protocol):
    """Answers a list of inputs with an opened model."""

    def __call__(self, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
        """Return an answer for each input; options: one for each, where people ask with limits."""


def open_artifact(folder: Path) -> Predictor:
    """Return the function that answers a list of inputs with an artifact's model.

    Raises NotFound when the folder is no artifact, or holds only an adapter whose base can't be found.
    """
    if not (folder / "recipe.json").is_file() or not (folder / "labels.json").is_file():
        raise NotFound(f"{folder} is no artifact: it holds no recipe.json.", remedy="Name an artifact's folder.")
    recipe = from_dict(Recipe, files.read_json(folder / "recipe.json"))
    labels = tuple(files.read_json(folder / "labels.json"))
    return open_exports(folder, recipe, labels, _sealed(folder))


def open_exports(
    folder: Path, recipe: Recipe, labels: tuple[str, ...], digests: Mapping[str, str] | None = None
) -> Predictor:
    """Return the predictor of the exported formats in a folder.

    Exact formats come before lossy ones, whole models before adapters, and one that runs code comes last.
    digests: path in the folder → SHA-256; a format that runs code opens by these only.
    """
    code = importlib.import_module(registry.get("kind", recipe.kind).code).task(recipe.task)
    formats = [name for name in recipe.export if (folder / name).is_dir()]
    if not formats:
        raise NotFound(f"{folder} holds none of the recipe's exports ({', '.join(recipe.export)}).")
    export = best_to_open(registry.get("export", name) for name in formats)
    base = code.find_base(recipe.model) if export.needs_base else _NO_BASE
    own = {path.removeprefix(f"{export.name}/"): digest for path, digest in (digests or {}).items()}
    loaded = code.reopen(export.name, folder / export.name, base, labels, recipe, own)

    def answer(inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
        more = () if options is None else (options,)
        found: list[dict[str, Any]] = code.answer(loaded, inputs, *more)
        return found

    return answer


def _sealed(folder: Path) -> dict[str, str]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return {}
    return {file.path: file.digest for file in parse_manifest(manifest.read_bytes()).files}


_NO_BASE = BaseRef(Path(), "", "", "")
