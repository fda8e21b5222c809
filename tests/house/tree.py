"""The files of the repository that the house tests look at."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "engram"
LAUNCHER = [ROOT / "run_all.py", *sorted((ROOT / "launcher").glob("*.py"))]


def python_files(*folders: Path) -> list[Path]:
    """Return every Python file below some folders, sorted; not those that are generated from `core.proto`."""
    found = (path for folder in folders for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    return sorted(path for path in found if not path.stem.endswith(("_pb2", "_pb2_grpc")))


def sources() -> list[Path]:
    """Return the Python files of the package; an empty list would prove nothing, so that is an error."""
    found = python_files(SOURCE)
    if len(found) < 20:
        raise LookupError(f"only {len(found)} files below {SOURCE}: the house tests look at the wrong place")
    return found


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    """Return a path as people read it, relative to the repository."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def subcommands(name: str) -> set[str] | None:
    """Return the subcommands of a command of `engram`, empty where it has none, None where there is no such command."""
    from engram.cli.commands import COMMANDS
    from engram.cli.main import load_command

    return set(getattr(load_command(name, COMMANDS[name]), "commands", {})) if name in COMMANDS else None
