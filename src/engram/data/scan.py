"""The first pass: every row read and cleaned once, and only digests and small numbers kept."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram.data.clean import Repair, digester, fold
from engram.data.filed import filing
from engram.data.forms import BadCell, Cells, Made
from engram.data.media import Facts
from engram.data.reader import Rows
from engram.data.sketch import Sketcher
from engram.data.sources import Opened
from engram.errors import DataError
from engram.schema.form import Form
from engram.schema.recipe import Data

GIVEN = {None: 0, "train": 1, "valid": 2, "test": 3}
MAX_VALUES = 10_000
REPORT_EVERY = 10_000
REASONS = (
    "",
    "blank_line",
    "missing_text",
    "missing_label",
    "unknown_label",
    "leaked",
    "conflicting_label",
    "duplicate",
    "over_limit",
    "near_leaked",
    "near_duplicate",
    "missing_file",
)
BLANK, NO_TEXT, NO_LABEL, UNKNOWN, LEAKED, CONFLICTING, DUPLICATE, OVER_LIMIT, NEAR_LEAKED, NEAR_DUPLICATE = range(
    1, len(REASONS) - 1
)
NO_FILE = len(REASONS) - 1


@dataclass(frozen=True)
class Reading:
    """What both passes need: the configuration, the form of its rows, its sources, and how rows are made of cells.

    clean: the prep steps and the stripping, as one function; it begins with `repair`, where that is wanted. make: for
    every form but texts with a label, which are made here, and files. refuse: facts of a file → why it is not taken.
    """

    data: Data
    form: Form
    opened: tuple[Opened, ...]
    clean: Callable[[str], str]
    make: Callable[[Cells], Made]
    repair: Repair | None = None
    refuse: Callable[[Facts], str] = lambda facts: ""


@dataclass
class Scan:
    """What the first pass keeps: about 60 bytes a row, whatever the texts' lengths, and at most 528 more for near ones.

    lost: one byte for each row read: 0 if it is usable, else an index into REASONS.
    The other columns have one item for each usable row, in the order of the sources. exact and folded: 16-byte digests
    of the cleaned and of the folded text; group: of the group's value; label: index into `labels`; stratum: index of
    the stratification value; given: what GIVEN makes of the source's part. rest: 8 bytes, a digest of what a row that
    is no labelled text has beside the text by which it is compared, where near duplicates are wanted; sketcher has
    their sketches then. repaired: rows whose encoding was mended.
    """

    lost: bytearray = field(default_factory=bytearray)
    exact: bytearray = field(default_factory=bytearray)
    folded: bytearray = field(default_factory=bytearray)
    group: bytearray = field(default_factory=bytearray)
    label: array[int] = field(default_factory=lambda: array("i"))
    stratum: array[int] = field(default_factory=lambda: array("i"))
    given: bytearray = field(default_factory=bytearray)
    empty: bytearray = field(default_factory=bytearray)
    labels: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    strata: dict[bytes, int] = field(default_factory=dict)
    rest: bytearray = field(default_factory=bytearray)
    sketcher: Sketcher | None = None
    repaired: int = 0


Tick = Callable[[int], None]


def scan(reading: Reading, tick: Tick) -> Scan:
    """Read every row of every source once.

    Raises DataError for anything that a reader refuses, for a cell that does not hold what its role asks for, and for
    more than 10,000 labels or strata; UsageError for columns that the recipe maps to no known role.
    """
    data, form = reading.data, reading.form
    found = Scan(labels=list(dict.fromkeys((data.labels or {}).values())), numbers=label_numbers(data.labels))
    found.sketcher = Sketcher() if data.clean.deduplicate == "near" else None
    add = _labelled(data, found, reading.clean) if form.gives == "label" else _formed(reading, found)
    beside = _beside(data, form, found)
    for source in reading.opened:
        given = GIVEN[source.source.part]
        if form.file:
            add = _filed(reading, found, source.base)
        wanted = wanted_columns(data, form, source.columns)
        for line, cells in read_cells(source, data, form, wanted):
            if not len(found.lost) % REPORT_EVERY:
                tick(len(found.lost))
            if not cells:
                found.lost.append(BLANK)
                continue
            mended = reading.repair.changed if reading.repair else 0
            try:
                reason = add(cells)
                if not reason:
                    found.given.append(GIVEN["test"] if is_held_out(data, form, cells) else given)
                    beside(cells)
            except BadCell as error:
                column = role_column(data, error.role)
                raise DataError(
                    str(error), file=str(source.path), line=line, column=column, remedy=error.remedy
                ) from error
            found.lost.append(reason)
            found.repaired += reading.repair is not None and reading.repair.changed > mended
    return found


def read_cells(source: Opened, data: Data, form: Form, wanted: Sequence[str]) -> Rows:
    """Stream a source's cells; those of nested roles are JSON text."""
    nested = [role_column(data, role) for role in form.nested]
    if not nested:
        return source.reader.read(source.path, source.source, wanted)
    return source.reader.read(source.path, source.source, wanted, nested)


def _labelled(data: Data, found: Scan, clean: Callable[[str], str]) -> Callable[[Cells], int]:
    """Return the function that takes a text and its class: it returns 0, or why the row is lost."""
    text_column, label_column = role_column(data, "text"), role_column(data, "label")
    numbers, strip, digest = found.numbers, data.clean.strip, digester(data.split.seed)

    def add(cells: Cells) -> int:
        text, value = clean(cells[text_column]), cells[label_column]
        value = value.strip() if strip else value
        number = numbers.get(value, -1)
        no_text = not text or text.isspace()
        if no_text or not value or (number < 0 and data.labels):
            return NO_TEXT if no_text else UNKNOWN if value else NO_LABEL
        if number < 0:
            number = numbers[value] = len(numbers)
            found.labels.append(value)
            if len(numbers) > MAX_VALUES:
                raise _too_many("label")
        folded = fold(text)
        key = digest(folded)
        found.folded += key
        found.exact += key if folded == text else digest(text)
        found.label.append(number)
        if found.sketcher:
            found.sketcher.add(folded)
        return 0

    return add


def _formed(reading: Reading, found: Scan) -> Callable[[Cells], int]:
    """Return the function that takes rows of any other form."""
    data = reading.data
    columns = {role: role_column(data, role) for role in reading.form.known}
    make, digest, renamed = reading.make, digester(data.split.seed), data.labels or {}

    def add(cells: Cells) -> int:
        if "label" in columns:  # a column of a template
            value = cells[columns["label"]].strip()
            if not value or (renamed and value not in renamed):
                return UNKNOWN if value else NO_LABEL
        made = make({role: cells[column] for role, column in columns.items() if column in cells})
        if made.body is None:
            return NO_TEXT
        if lost := _number_tags(found, made, renamed):
            return lost
        folded = fold(made.text)
        found.folded += digest(folded)
        found.exact += digest(made.whole)
        found.label.append(0)
        if found.sketcher:
            found.sketcher.add(folded)
            found.rest += digest(_rest(made.body))[:8]
        return 0

    return add


def _number_tags(found: Scan, made: Made, renamed: Mapping[str, str]) -> int:
    """Give each new tag of a row its number; return 0, or why the row is lost."""
    for tag in made.tags:
        if tag not in found.numbers:
            if renamed:
                return UNKNOWN
            found.numbers[tag] = len(found.numbers)
            found.labels.append(tag)
            if len(found.numbers) > MAX_VALUES:
                raise _too_many("tags")
    return 0


def _filed(reading: Reading, found: Scan, base: Path) -> Callable[[Cells], int]:
    """Return the function that takes a file, its class and the texts beside it; every file is read to its end."""
    data, form, digest = reading.data, reading.form, digester(reading.data.split.seed)
    make = filing(form, reading.clean, base, reading.refuse)
    columns = {role: role_column(data, role) for role in form.known}

    def add(cells: Cells) -> int:
        given = {role: cells[column] for role, column in columns.items() if column in cells}
        number = 0
        if form.classed:
            value = given["label"].strip()
            number = found.numbers.get(value, -1)
            if not value or (number < 0 and data.labels):
                return UNKNOWN if value else NO_LABEL
        if not given[form.file[0] if form.file else ""].strip():
            return NO_FILE
        made = make(given)
        if made.body is None:
            return NO_TEXT
        if lost := _number_tags(found, made, data.labels or {}):
            return lost
        if number < 0:
            number = found.numbers[value] = len(found.numbers)
            found.labels.append(value)
            if len(found.numbers) > MAX_VALUES:
                raise _too_many("label")
        found.folded += digest(made.text)
        found.exact += digest(made.whole)
        found.label.append(number)
        return 0

    return add


def is_held_out(data: Data, form: Form, cells: Cells) -> bool:
    """Tell whether a row stands in the part test because of a column's value."""
    return any(cells[column_of(data, form, name)].strip() in values for name, values in data.split.held_out.items())


def _rest(body: Mapping[str, Any]) -> str:
    """Return what a row has beside the text by which it is compared: its tags or answers, and tools; folded."""
    beside = {name: value for name, value in body.items() if name not in ("messages", "tokens", "anchor")}
    if "chosen" not in body and len(body.get("messages", ())) > 1:
        beside["answer"] = body["messages"][-1]
    return fold(json.dumps(beside, sort_keys=True, ensure_ascii=False))


def _beside(data: Data, form: Form, found: Scan) -> Callable[[Cells], None]:
    """Return the function that keeps a row's group and stratum."""
    digest, strata = digester(data.split.seed), found.strata
    group = data.split.group and column_of(data, form, data.split.group)
    stratify = stratified_by(data, form)
    by_value = stratify is not None and not (form.classed and stratify == role_column(data, "label"))

    def keep(cells: Cells) -> None:
        empty = 0
        if group:
            shared = cells[group].strip()
            # A row without a group is a group of its own; the prefixes keep the two from ever meeting.
            own = found.folded[-16:]
            found.group += digest(f"group {shared}") if shared else digest(f"row {own.hex()}")
            empty += not shared
        if by_value and stratify:
            stratum = cells[stratify].strip()
            found.stratum.append(strata.setdefault(digest(stratum), len(strata)))
            empty += not stratum
            if len(strata) > MAX_VALUES:
                raise _too_many(str(data.split.stratify))
        found.empty.append(empty)

    return keep


def stratified_by(data: Data, form: Form) -> str | None:
    """Return the column whose proportions are kept; ``label``, the default, means nothing where rows have none."""
    wanted = data.split.stratify
    if not wanted or (wanted == "label" and "label" not in form.known):
        return None
    return column_of(data, form, wanted)


def wanted_columns(data: Data, form: Form, found: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the recipe uses, each once; an optional role only where its column was found.

    >>> from engram.schema.form import FORMS
    >>> from engram.schema.recipe import Source
    >>> wanted_columns(Data((Source("a.csv"),), columns={"text": "sentence"}), FORMS["label"], ())
    ('sentence', 'label')
    """
    more = [stratified_by(data, form), data.split.group and column_of(data, form, data.split.group)]
    more += [column_of(data, form, name) for name in data.split.held_out]
    optional = [column for role in form.optional if (column := role_column(data, role)) in found]
    needed = [role_column(data, role) for role in form.roles]
    return tuple(dict.fromkeys([*needed, *optional, *(name for name in more if name)]))


def role_column(data: Data, role: str) -> str:
    """Return the column that plays a role; without a mapping it has the role's own name."""
    return data.columns.get(role, role)


def column_of(data: Data, form: Form, name: str) -> str:
    """Return the column that `stratify` or `group` means: a role's name first, else a column's own name."""
    return role_column(data, name) if name in form.known else name


def label_numbers(labels: Mapping[str, str] | None) -> dict[str, int]:
    """Return value in the file → index of its name; two values may share a name.

    >>> label_numbers({"0": "negative", "1": "positive", "-1": "negative"})
    {'0': 0, '1': 1, '-1': 0}
    """
    names = list(dict.fromkeys((labels or {}).values()))
    return {value: names.index(name) for value, name in (labels or {}).items()}


def _too_many(role: str) -> BadCell:
    message = f"more than {MAX_VALUES:,} different values, where a label or a stratum was expected."
    return BadCell(
        role, message, "Is this the right column? Say which with columns: {label: …} or split: {stratify: …}."
    )
