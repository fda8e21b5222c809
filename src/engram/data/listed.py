"""A folder of files as rows: a row for each, its columns told by sub-folder and by the file's own name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.data.media import LOOKS
from engram.data.reader import Found, Reader, Rows, check_columns, list_columns, shown
from engram.errors import DataError, UsageError
from engram.schema.form import Medium
from engram.schema.recipe import Source

_FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Listing:
    """What a folder or a pattern holds: files in the order of their names, and the names that were passed over.

    base: the folder that no file may leave. labelled: the files are single ones, in sub-folders named by labels.
    medium: what they hold, where they are no texts and no rows.
    """

    base: Path
    files: tuple[Path, ...]
    labelled: bool = False
    passed: tuple[str, ...] = ()
    medium: Medium | None = None


def listed_reader(listing: Listing, options: Source) -> Reader:
    """Return the reader of a folder of sounds or images; its name is the medium.

    Raises UsageError for a format that was given, and for names that tell nothing, or a column that is told already.
    """
    if listing.medium is None or options.format != "auto":
        raise UsageError("a folder of such files has no format.", remedy="Leave format out.")
    medium, own = listing.medium, LOOKS[listing.medium].column
    told = (own, "label") if listing.labelled else (own,)
    fields = name_fields(options.names or "")
    if options.names is not None and (not fields or set(fields) & set(told)):
        said = f"'names' must tell columns, as {{label}}_{{speaker}}, and none of {', '.join(told)}"
        raise UsageError(f"{said}; it is {options.names!r}.")
    columns, pattern = (*told, *fields), name_pattern(options.names or "")

    def cells_of(file: Path) -> dict[str, str]:
        cells = {own: file.relative_to(listing.base).as_posix()}
        if listing.labelled:
            cells["label"] = file.parent.name
        if fields:
            found = pattern.fullmatch(file.stem)
            if found is None:
                message = f"the name of {shown(file.name)!r} does not fit {options.names!r}."
                raise DataError(message, file=str(file), remedy="Rename or move the file, or change names.")
            cells |= found.groupdict()
        return cells

    def look(path: Path, options: Source) -> Found:
        count, labels = len(listing.files), sorted({file.parent.name for file in listing.files})
        by = f", labelled by sub-folder: {list_columns(labels)}" if listing.labelled else ""
        by += f", named {options.names}" if fields else ""
        passed = f"; passed over: {list_columns(listing.passed)}" if listing.passed else ""
        return Found(columns, f"found {count:,} {medium} file{'s' * (count != 1)} in {shown(path.name)}{by}{passed}")

    def read(path: Path, options: Source, wanted: Sequence[str] | None = None, nested: Collection[str] = ()) -> Rows:
        check_columns(columns, wanted or (), path, None)
        for number, file in enumerate(listing.files, 1):
            cells = cells_of(file)
            yield number, {name: cells[name] for name in (columns if wanted is None else wanted)}

    return Reader(medium, lambda head, name: 0.0, look, read)


def name_fields(names: str) -> tuple[str, ...]:
    """Return the columns that names of files tell.

    >>> name_fields("{label}_{speaker}_{take}")
    ('label', 'speaker', 'take')
    """
    return tuple(_FIELD.findall(names))


def name_pattern(names: str) -> re.Pattern[str]:
    """Return what a file's name must be without its suffix; each field is as short as can be, the last takes the rest.

    >>> name_pattern("{label}_{speaker}_{take}").fullmatch("7_ada_12").groupdict()
    {'label': '7', 'speaker': 'ada', 'take': '12'}
    """
    parts, last = _FIELD.split(names), len(_FIELD.findall(names))
    pieces = [
        re.escape(part) if place % 2 == 0 else f"(?P<{part}>.+{'?' * (place // 2 + 1 < last)})"
        for place, part in enumerate(parts)
    ]
    return re.compile("".join(pieces), re.DOTALL)
