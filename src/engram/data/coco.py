"""COCO: one JSON document with images, annotations and categories, beside the images; one row for each image.

Source: the data format of Lin et al., Microsoft COCO: Common Objects in Context, 2014 (object detection).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.data.attached import is_inline
from engram.data.reader import Found, Reader, Rows, check_columns, say, shown
from engram.errors import DataError
from engram.schema.recipe import Source

SUFFIXES = (".json",)
COLUMNS = ("image", "boxes", "id")
PARTS = ("images", "annotations", "categories")
PLACES = ("", "images/")  # where images lie, seen from the document
MOST_BYTES = 1 << 30
_TOP = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
_DOCUMENT = re.compile(rb'\{\s*"(info|licenses|images|annotations|categories|type)"\s*:')


@dataclass(frozen=True)
class Document:
    """What a document holds: its images in their order, the things on each by its id, and how many crowds it has."""

    images: tuple[dict[str, Any], ...]
    things: dict[Any, list[dict[str, Any]]]
    crowds: int


def sniff(head: bytes, name: str) -> float:
    """A document that begins as COCO's do; a table of rows has none of its arrays under these names.

    >>> sniff(b'{"images": [{"id": 1}], "annotations": []}', "a.json"), sniff(b'[{"image": "a.png"}]', "a.json")
    (0.99, 0.0)
    """
    text = head.lstrip()
    if not _DOCUMENT.match(text):
        return 0.0
    named = {found.group(1) for found in _TOP.finditer(text)}
    first = re.match(rb'\{\s*"(info|licenses)"', text)
    return 0.99 if len(named) > 1 or (named and first) or b'"file_name"' in text else 0.0


def look(path: Path, options: Source) -> Found:
    """Return the columns, and how many images, boxes and classes the document has."""
    found = _read(path)
    boxes = sum(map(len, found.things.values()))
    classes = {thing["label"] for things in found.things.values() for thing in things}
    left = f", {found.crowds:,} regions of crowds left out" if found.crowds else ""
    what = f"COCO, {len(found.images):,} images with {boxes:,} boxes of {len(classes):,} classes{left}"
    return Found(COLUMNS, say(path, what, COLUMNS))


def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
    """Yield a row for each image: the name of its file, its boxes as JSON, and its id; a line is an image's number.

    Raises DataError, with file and entry, for a document that is none, an entry that lacks what it needs, and an
    annotation of an image or a category that is not in it.
    """
    check_columns(COLUMNS, wanted or (), path, None)
    found = _read(path)
    for number, image in enumerate(found.images, 1):
        cells = {
            "image": _place(path, image["file_name"]),
            "boxes": json.dumps(found.things.get(image["id"], []), ensure_ascii=False),
            "id": str(image["id"]),
        }
        yield number, {name: cells[name] for name in (COLUMNS if wanted is None else wanted)}


def _place(path: Path, name: str) -> str:
    """Return where an image lies, seen from the document: beside it, or in the folder `images` beside it."""
    if is_inline(name):
        return name
    return next((place + name for place in PLACES if (path.parent / place / name).is_file()), name)


def _read(path: Path) -> Document:
    if path.stat().st_size > MOST_BYTES:
        raise _refused(path, f"the document has more than {MOST_BYTES:,} bytes.", "Cut it into several.")
    try:
        whole = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise DataError(f"this is no JSON ({error}).", file=str(path), line=line) from error
    lists: dict[str, Any] = {name: whole.get(name) for name in PARTS} if isinstance(whole, dict) else {}
    for name in PARTS:
        if not isinstance(lists.get(name), list):
            told = f"there is no list {name!r}."
            raise _refused(path, told, "A COCO document has images, annotations and categories.")
    names = _categories(path, lists["categories"])
    images = _images(path, lists["images"])
    known = {one["id"] for one in images}
    things: dict[Any, list[dict[str, Any]]] = {}
    crowds = 0
    for at, one in enumerate(lists["annotations"], 1):
        image, category, box = _needed(path, "annotations", at, one, "image_id", "category_id", "bbox")
        if not _is_id(image) or image not in known:
            raise _entry(path, "annotations", at, f"there is no image with the id {shown(str(image))[:60]}")
        if not _is_id(category) or category not in names:
            raise _entry(path, "annotations", at, f"there is no category with the id {shown(str(category))[:60]}")
        if one.get("iscrowd"):
            crowds += 1  # a region with many things in it is no box of one
        else:
            things.setdefault(image, []).append({"label": names[category], "box": box})
    return Document(images, things, crowds)


def _categories(path: Path, given: list[Any]) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for at, one in enumerate(given, 1):
        key, name = _needed(path, "categories", at, one, "id", "name")
        if not _is_id(key) or key in names:
            raise _entry(path, "categories", at, f"its id {shown(str(key))[:60]} is no id, or stands twice")
        if not isinstance(name, str) or not name.strip():
            raise _entry(path, "categories", at, "its name is no text")
        names[key] = name
    return names


def _images(path: Path, given: list[Any]) -> tuple[dict[str, Any], ...]:
    seen: set[Any] = set()
    for at, one in enumerate(given, 1):
        key, name = _needed(path, "images", at, one, "id", "file_name")
        if not _is_id(key) or key in seen:
            raise _entry(path, "images", at, f"its id {shown(str(key))[:60]} is no id, or stands twice")
        if not isinstance(name, str) or not name.strip():
            raise _entry(path, "images", at, "its file_name is no text")
        seen.add(key)
    return tuple(given)


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _needed(path: Path, part: str, at: int, one: Any, *names: str) -> list[Any]:
    missing = [name for name in names if not isinstance(one, dict) or name not in one]
    if missing:
        raise _entry(path, part, at, f"it lacks {', '.join(missing)}")
    return [one[name] for name in names]


def _entry(path: Path, part: str, at: int, told: str) -> DataError:
    return DataError(f"entry {at} of {part!r}: {told}.", file=str(path), column=part)


def _refused(path: Path, told: str, remedy: str = "") -> DataError:
    return DataError(told, file=str(path), remedy=remedy)


READER = Reader("coco", sniff, look, read, SUFFIXES)
