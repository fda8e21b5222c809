"""The recipes and samples that ship with Engram: files beside this package, known by their names."""

from __future__ import annotations

from pathlib import Path

from engram.errors import UnknownName

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
SAMPLES = FOLDER.parent / "samples"
ROWS = (".csv", ".jsonl")


def shipped_names() -> list[str]:
    """Return the names of the shipped recipes, sorted.

    >>> "quickstart" in shipped_names()
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def sample_files() -> dict[str, Path]:
    """Return the samples that a recipe may name, each with its file, sorted by name.

    >>> {"support_tickets", "strewn_shapes"} <= set(sample_files())
    True
    """
    return {path.stem: path for path in sorted(SAMPLES.iterdir()) if path.suffix in ROWS}


def find_recipe(path_or_name: str) -> Path:
    """Return the file of a recipe: a path if it looks like one or exists, else the shipped recipe of that name.

    Raises UnknownName, with the known names, when there is neither.
    """
    given = Path(path_or_name)
    if given.suffix in (".yaml", ".yml") or len(given.parts) > 1 or given.is_file():
        return given
    shipped = FOLDER / f"{path_or_name}.yaml"
    if path_or_name not in shipped_names():
        raise UnknownName.of("recipe", path_or_name, shipped_names())
    return shipped


def is_shipped(file: Path) -> bool:
    """Tell whether a recipe file is one that ships with Engram."""
    return file.resolve().parent == FOLDER
