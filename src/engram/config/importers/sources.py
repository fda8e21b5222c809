"""One data set of another tool's file → one source of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

from engram.config.importers.places import find, is_file_name, place, shift
from engram.config.importers.rules import text
from engram.config.importers.sheet import Sheet, Unfit
from engram.schema.codec import Path

ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".txt")
WHOLE_FILE = "a file is one split"
_SPLIT = re.compile(r"\w[\w.-]*")


def carry_source(sheet: Sheet, index: int, name: Path, keys: Mapping[str, Path], part: str = "", why: str = "") -> bool:
    """File the keys of one data set and write its source; False when it can't be read, with the key that says so.

    name: where its id or path stands. keys: `split`, `subset`, `revision` → where they stand, as far as they do.
    part: the part that all its rows belong to, and why.
    """
    at = f"data.sources.{index}"
    split = keys.get("split", ())
    said = sheet.get(*split) if split else None
    try:
        source = place(sheet, text(sheet.get(*name)))
    except Unfit as unfit:
        sheet.refuse(name, str(unfit))
        return False
    try:
        meant = with_split(sheet, text(sheet.get(*name)), source, said)
    except Unfit as unfit:
        sheet.refuse(split or name, str(unfit))
        return False
    (kind,) = source
    sheet.carry(name, f"{at}.{kind}", meant[kind])
    if said is None:
        if kind == "hub":
            sheet.default(f"{at}.split", "train")
    elif kind == "hub":
        sheet.carry(split, f"{at}.split", said)
    elif meant == source:
        sheet.ignore(split, WHOLE_FILE)
    else:
        sheet.carry(split, f"{at}.path", meant["path"])
    for ours in ("subset", "revision"):
        _detail(sheet, f"{at}.{ours}", keys.get(ours, ()), kind)
    if part:
        sheet.put(f"{at}.part", part, why)
    return True


def with_split(sheet: Sheet, name: str, source: dict[str, str], split: Any) -> dict[str, str]:
    """Return the source that holds one split: of a folder here the file that is named after it.

    Raises Unfit for a slice of a split, and for a split that no file holds.
    """
    if split is not None and not (isinstance(split, str) and _SPLIT.fullmatch(split)):
        raise Unfit(f"{str(split)[:60]!r} takes a piece of a split; Engram reads splits whole (data.limit bounds rows)")
    if "hub" in source:
        return source
    found = find(sheet, name)
    if found and found.is_dir():
        named = (found / f"{split or 'train'}{ending}" for ending in ENDINGS)
        if file := next((one for one in named if one.is_file()), None):
            return {"path": shift(sheet, str(File(name) / file.name), file)}
        if split is not None:
            raise Unfit(f"{name} holds no file that is named after the split {split!r} ({', '.join(ENDINGS)})")
    elif split not in (None, "train"):
        raise Unfit(f"{name} is one file, or a folder that is not here, so the split {split!r} can't be found")
    elif split == "train" and not found and not is_file_name(name):
        raise Unfit(f"the folder {name} is not here, so the file of the split {split!r} can't be found")
    return source


def _detail(sheet: Sheet, ours: str, path: Path, kind: str) -> None:
    value = sheet.get(*path) if path else None
    if value is None:
        return
    if kind == "hub":
        sheet.carry(path, ours, str(value))
    else:
        sheet.ignore(path, "data sets of the hub have it, files have not")
