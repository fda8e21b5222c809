"""What can be fetched of a model: what a worker needs to train it, what came of it, and why it was judged as it was.

A worker gets the rows of train and valid, and of the test part nothing: no row, no label, no count of its classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from engram import files
from engram.artifacts.paths import CERTIFICATE, MANIFEST, payload_files
from engram.artifacts.store import folder_of
from engram.data.cache import load_split
from engram.errors import NotFound
from engram.files import write_atomic
from engram.pipeline.folder import RunFolder
from engram.pipeline.story_page import render_run
from engram.schema.codec import to_dict

What = Literal["material", "artifact", "report"]
PARTS = ("train", "valid")
# Of a base model in a folder of the server these files travel; what could run when it is opened does not.
BASE_SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja"})


def material(folder: RunFolder, home: Path) -> Mapping[str, Path]:
    """Return what a worker trains by, as name → file: recipe, rows, and the base model where it is a folder here.

    Raises NotFound while the data is not prepared.
    """
    if not (folder.path / "declared.json").exists():
        raise NotFound(f"The data of run {folder.id} is not prepared yet.", remedy="Ask again in a moment.")
    split_folder, made = folder.split_folder(home), folder.path / "material"
    split, report = load_split(split_folder)
    if not (made / "report.json").exists():
        counts = {part: dict(report.class_counts[part]) for part in PARTS if part in report.class_counts}
        parts = {part: split.parts[part] for part in PARTS}
        files.write_json(made / "split.json", to_dict(replace(split, parts=parts)))
        files.write_json(made / "report.json", to_dict(replace(report, class_counts=counts, example={})))
    own = {"recipe.json": folder.path / "recipe.json", "gates.json": folder.path / "gates.json"}
    rows = {name: split_folder / name for part in PARTS for name in split.parts[part].files}
    base = Path(folder.recipe().model.source).expanduser()
    model = {f"base/{name}": path for name, path in _base_files(base)} if base.is_dir() else {}
    return {**own, "split.json": made / "split.json", "report.json": made / "report.json", **rows, **model}


def artifact(store: Path, digest: str) -> Mapping[str, Path]:
    """Return the files of an artifact with its manifest and certificate; raises NotFound when there is none."""
    if not digest:
        raise NotFound("The run has no artifact.", remedy="It has one when it is published.")
    place = folder_of(store, digest)
    return {**dict(payload_files(place)), **{name: place / name for name in (MANIFEST, CERTIFICATE)}}


def report(folder: RunFolder, home: Path) -> Mapping[str, Path]:
    """Return the report of a run for people, and the evidence that its gates saw."""
    page = folder.path / "report.html"
    write_atomic(page, render_run(folder, home).encode())
    found = [*(folder.path / "reports").glob("*.json"), *(folder.path / "verdicts").glob("*.json")]
    return {"report.html": page, **{path.relative_to(folder.path).as_posix(): path for path in sorted(found)}}


def listing(found: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Return names, sizes and digests of files."""
    return [
        {"path": name, "bytes": path.stat().st_size, "digest": files.sha256_file(path)} for name, path in found.items()
    ]


def _base_files(folder: Path) -> list[tuple[str, Path]]:
    return [
        (path.relative_to(folder).as_posix(), path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.suffix in BASE_SUFFIXES
    ]
