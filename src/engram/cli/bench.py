"""`engram bench`: the races against other tools, which come with the repository."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from engram.cli import output
from engram.errors import MissingExtra, NotFound, UnknownName, UserError

HARNESS = "race.py"
PEERS = ("trl", "datasets", "accelerate", "sentence_transformers")


@dataclass(frozen=True)
class Race:
    """One race: its name, its file, and the first line that the file says of itself.

    The name is the number (r1); races that share a number go by their files (r3_sft).
    """

    name: str
    file: str
    title: str


def bench(
    races: Annotated[list[str] | None, typer.Argument(help="Races to run, as r1; all when none is named.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="See that they work; the figures mean nothing.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the races and stop.")] = False,
) -> int:
    """Run the races against other tools.

    Each runs Engram and its peers in turn on this machine, checks that they did the same work, and prints one ratio.
    The exit code is 1 when one of them has no figure.
    """
    known = find_races(races_folder())
    chosen = choose(known, races or [])
    if list_:
        output.table(("race", "what"), [(one.name, one.title) for one in chosen])
        if output.json_wanted():
            output.emit_json([asdict(one) for one in chosen])
        return 0
    check_machine()
    codes = {one.name: _run(one, quick) for one in chosen}
    failed = [name for name, code in codes.items() if code]
    output.emit({"races": codes, "failed": failed})
    if failed:
        output.show_error(f"No figure for: {', '.join(failed)}. The reason stands above.")
    return int(bool(failed))


def races_folder() -> Path:
    """Return the folder of the races, beside the source tree.

    Raises NotFound when Engram was installed without its repository.
    """
    import engram

    folder = Path(engram.__file__).resolve().parents[2] / "benchmarks"
    if not (folder / HARNESS).is_file():
        raise NotFound(
            "The races are not here: they come with the repository, and this Engram was installed without it.",
            remedy="Clone the repository and install it with: pip install -e '.[bench]'",
        )
    return folder


def find_races(folder: Path) -> list[Race]:
    """Return the races of a folder in the order of their numbers; none of them is imported."""
    files = [file for file in folder.glob("r[0-9]*_*.py") if _number(file)[1:].isdigit()]
    files.sort(key=lambda file: (int(_number(file)[1:]), file.stem))
    numbers = [_number(file) for file in files]
    names = [number if numbers.count(number) == 1 else file.stem for number, file in zip(numbers, files, strict=True)]
    return [Race(name, str(file), _title(file)) for name, file in zip(names, files, strict=True)]


def choose(known: list[Race], wanted: list[str]) -> list[Race]:
    """Return the races that were asked for, each once, in the known order; all when none was named.

    A race goes by the name of its file (r1_start) or by its number (r1), which names all races that share it. Raises
    UnknownName for any other.
    """
    names = {one.file: {_number(Path(one.file)), Path(one.file).stem} for one in known}
    for name in wanted:
        if not any(name in own for own in names.values()):
            raise UnknownName.of("race", name, [one.name for one in known])
    return [one for one in known if not wanted or names[one.file] & set(wanted)]


def check_machine() -> None:
    """Raise when the races can't run here: UserError for a system without POSIX process times, MissingExtra."""
    if os.name != "posix":
        raise UserError("The races need the process times of Linux or macOS, and this is another system.")
    lost = [name for name in PEERS if importlib.util.find_spec(name) is None]
    if lost:
        raise MissingExtra(
            f"The tools that we race against are not installed: {', '.join(lost)}.",
            remedy="Install them with: pip install 'engram[bench]'",
        )


def _number(file: Path) -> str:
    return file.stem.partition("_")[0]


def _title(file: Path) -> str:
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].partition(": ")[2] or said.partition("\n")[0]


def _run(one: Race, quick: bool) -> int:
    output.say(f"{one.name}: {one.title}", "bold")
    sys.stdout.flush()
    command = [sys.executable, one.file, *(["--quick"] if quick else [])]
    # With --json standard output is one document, so what a race prints goes where the errors go.
    stream = sys.stderr if output.json_wanted() else None
    code = subprocess.run(command, stdout=stream, check=False).returncode
    output.say()
    return code
