"""Names of data in other tools' files: a file here, an id of the hub, or something that Engram does not read."""

from __future__ import annotations

import os
import re
from pathlib import Path as File

from engram.config.importers.sheet import Sheet, Unfit

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_FILE = re.compile(r"\.(jsonl?|csv|tsv|txt|parquet|arrow|tfrecord|conll|zst|gz)$", re.IGNORECASE)


def place(sheet: Sheet, name: str) -> dict[str, str]:
    """Return where rows are read from: ``{"path": …}`` for what is or looks like a file, else ``{"hub": …}``.

    A file or folder that exists wins over an id of the hub, as it does for the peers.

    Raises Unfit for addresses and for what is neither.
    """
    if not name.strip() or not name.isprintable():
        raise Unfit("names no data set")
    if _URL.match(name):
        raise Unfit(f"{name[:60]!r} is an address; Engram reads files and data sets of the hub. Download it first")
    found = find(sheet, name)
    if found or name.startswith((".", "/", "~")) or "\\" in name or is_file_name(name) or File(name).is_absolute():
        return {"path": shift(sheet, name, found)}
    if _HUB.fullmatch(name):
        return {"hub": name}
    raise Unfit(f"{name[:60]!r} is neither a file here nor an id of the hub")


def is_file_name(name: str) -> bool:
    """Tell whether a name ends as files of rows do.

    >>> is_file_name("rows.jsonl"), is_file_name("stanfordnlp/imdb")
    (True, False)
    """
    return _FILE.search(name) is not None


def find(sheet: Sheet, name: str) -> File | None:
    """Return the file or folder that a name means, None where there is none."""
    given = File(os.path.expanduser(name))  # noqa: PTH111 - a user who does not exist is no error
    options = [given] if given.is_absolute() else [folder / given for folder in sheet.folders]
    return next((one for one in options if os.path.lexists(one)), None)


def shift(sheet: Sheet, name: str, found: File | None = None) -> str:
    """Write a name so that it is right from the recipe's folder; absolute names stay."""
    given = File(os.path.expanduser(name))  # noqa: PTH111 - a user who does not exist is no error
    if given.is_absolute():
        return str(given)
    target = found or sheet.folders[0] / given
    try:
        return File(os.path.relpath(target.absolute(), sheet.out.absolute())).as_posix()
    except ValueError:  # another drive
        return target.absolute().as_posix()


def recipe_name(said: str) -> str:
    """Make a recipe's name of any text.

    >>> recipe_name("Llama-3 8B (LoRA)")
    'llama-3-8b-lora'
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", said.lower()).strip("-_")[:64]
    return name or "imported"
