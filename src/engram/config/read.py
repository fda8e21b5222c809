"""The file of a recipe, read and parsed; nothing is known yet of what its keys mean."""

from __future__ import annotations

from pathlib import Path

from engram.config.parse import MAX_BYTES, parse_yaml
from engram.config.shipped import is_shipped
from engram.config.tree import Tree
from engram.errors import NotFound, RecipeError


def read_tree(file: Path) -> Tree:
    """Read the YAML of a file; it must be a block of keys.

    Raises NotFound when there is no such file, RecipeError when it can't be read.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(
            f"There is no recipe file {file}.", remedy="See the shipped ones: engram recipes list"
        ) from error
    except OSError as error:
        raise RecipeError(f"{file}: the file can't be read: {error.strerror}.") from error
    tree = parse_yaml(content, f"engram/recipes/{file.name}" if is_shipped(file) else str(file))
    if not isinstance(tree.data, dict):
        said = "is empty" if tree.data is None else "holds no block of keys"
        raise RecipeError(f"{file}:1: the file {said}.", remedy="Start one with: engram recipes new NAME")
    return tree
