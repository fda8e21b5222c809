"""What an import found, shown to people and to programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engram.cli import output
from engram.config.importers.importing import PEERS
from engram.config.importers.report import Imported
from engram.config.importers.write import plain, yaml_scalar

HOPELESS = "No recipe can be made of this file."
WITHHELD = "Nothing was written, because the training would be another one. --partial takes what can be carried over."


def show_imported(found: Imported, target: Path | None, problems: Sequence[str]) -> None:
    """Print the lists of an import; what stands against a recipe goes to standard error."""
    output.say(f"{found.file}: a file of {PEERS[found.peer].title} ({found.because})")
    _table(
        "Carried over", ("key", "here", "value"), [(one.key, one.ours, _shown(one.becomes)) for one in found.carried]
    )
    _table("Added", ("here", "value", "why"), [(one.ours, _shown(one.value), one.reason) for one in found.added])
    _table("Ignored", ("key", "why"), [(one.key, one.reason) for one in found.ignored])
    minor = [one for one in found.unsupported if not one.matters]
    _table("Not supported yet", ("key", "why"), [(one.key, one.reason) for one in minor])
    for note in found.notes:
        output.say(f"check  {note}")
    _verdict(found, target, problems)


def as_json(found: Imported, target: Path | None, problems: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return an import as plain data: the lists, the file that was written, and what is wrong with it."""
    whole = {key: _finite(value) for key, value in asdict(found).items() if key != "text"}
    return {
        **whole,
        "out": str(target) if target else None,
        "valid": bool(target) and not problems,
        "problems": problems,
    }


def _finite(value: Any) -> Any:
    """Show numbers that JSON does not know as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _verdict(found: Imported, target: Path | None, problems: Sequence[str]) -> None:
    for one in found.refused:
        output.show_error(plain(str(one)))
    for lack in found.lacks:
        output.show_error(plain(f"{found.file}: {lack}."))
    for problem in problems:
        output.show_error(problem)
    if target is None:
        what = HOPELESS if found.final else WITHHELD
        output.show_error(what)
        return
    output.say(f"Wrote {target}.")
    if problems:
        output.show_error(f"{target} does not pass yet; mend it and run: engram recipes validate {target}")
    else:
        output.say(f"Next: engram recipes validate {target}; engram train {target} --local-test")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        output.table(columns, [[plain(cell) for cell in row] for row in rows], title=f"{title} ({len(rows)})")
        output.say()


def _shown(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return f"{len(value)} source{'s' if len(value) != 1 else ''}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return yaml_scalar(value)
