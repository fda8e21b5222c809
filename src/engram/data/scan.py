"""The first pass: every row read and cleaned once, and only digests and small numbers kept."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engram.data.clean import digester, fold
from engram.data.sources import Opened
from engram.errors import DataError, UsageError, did_you_mean
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
)
BLANK, NO_TEXT, NO_LABEL, UNKNOWN, LEAKED, CONFLICTING, DUPLICATE, OVER_LIMIT = range(1, len(REASONS))
ROLES = ("text", "label")


@dataclass
class Scan:
    """What the first pass keeps: about 60 bytes a row, whatever the texts' lengths.

    lost: one byte for each row read: 0 if it is usable, else an index into REASONS.
    The other columns have one item for each usable row, in the order of the sources. exact and folded: 16-byte digests
    of the cleaned and of the folded text; group: of the group's value; label: index into `labels`; stratum: index of
    the stratification value; given: what GIVEN makes of the source's part.
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


Tick = Callable[[int], None]


def scan(data: Data, opened: tuple[Opened, ...], clean: Callable[[str], str], tick: Tick) -> Scan:
    """Read every row of every source once.

    Raises DataError for anything that a reader refuses and for more than 10,000 labels or strata, UsageError for
    columns that the recipe maps to no known role.
    """
    text_column, label_column = (role_column(data, role) for role in ROLES)
    wanted = wanted_columns(data)
    digest = digester(data.split.seed)
    group = data.split.group and column_of(data, data.split.group)
    stratify = data.split.stratify and column_of(data, data.split.stratify)
    by_value = stratify is not None and stratify != label_column
    numbers = label_numbers(data.labels)
    found = Scan(labels=list(dict.fromkeys((data.labels or {}).values())), numbers=numbers)
    strata: dict[bytes, int] = {}
    strip = data.clean.strip
    for source in opened:
        given = GIVEN[source.source.part]
        for line, cells in source.reader.read(source.path, source.source, wanted):
            if not len(found.lost) % REPORT_EVERY:
                tick(len(found.lost))
            if not cells:
                found.lost.append(BLANK)
                continue
            text, value = clean(cells[text_column]), cells[label_column]
            value = value.strip() if strip else value
            number = numbers.get(value, -1)
            no_text = not text or text.isspace()
            if no_text or not value or (number < 0 and data.labels):
                found.lost.append(NO_TEXT if no_text else UNKNOWN if value else NO_LABEL)
                continue
            if number < 0:
                number = numbers[value] = len(numbers)
                found.labels.append(value)
            if len(numbers) > MAX_VALUES or len(strata) > MAX_VALUES:
                raise _too_many(source, line, label_column if len(numbers) > MAX_VALUES else str(stratify))
            found.lost.append(0)
            folded = fold(text)
            key = digest(folded)
            found.folded += key
            found.exact += key if folded == text else digest(text)
            found.label.append(number)
            found.given.append(given)
            empty = 0
            if group:
                shared = cells[group].strip()
                # A row without a group is a group of its own; the prefixes keep the two from ever meeting.
                found.group += digest(f"group {shared}" if shared else f"row {folded}")
                empty += not shared
            if by_value and stratify:
                stratum = cells[stratify].strip()
                found.stratum.append(strata.setdefault(digest(stratum), len(strata)))
                empty += not stratum
            found.empty.append(empty)
    return found


def wanted_columns(data: Data) -> tuple[str, ...]:
    """Return the columns that the recipe uses, each once.

    >>> from engram.schema.recipe import Source
    >>> wanted_columns(Data((Source("a.csv"),), {"text": "sentence", "label": "label"}))
    ('sentence', 'label')
    """
    for role in data.columns:
        if role not in ROLES:
            raise UsageError(
                f"unknown role {role!r} in data.columns. Known roles: text, label.", remedy=did_you_mean(role, ROLES)
            )
    more = [column_of(data, name) for name in (data.split.stratify, data.split.group) if name]
    return tuple(dict.fromkeys([*(role_column(data, role) for role in ROLES), *more]))


def role_column(data: Data, role: str) -> str:
    """Return the column that plays a role; without a mapping it has the role's own name."""
    return data.columns.get(role, role)


def column_of(data: Data, name: str) -> str:
    """Return the column that `stratify` or `group` means: a role's name first, else a column's own name."""
    return role_column(data, name) if name in ROLES else name


def label_numbers(labels: Mapping[str, str] | None) -> dict[str, int]:
    """Return value in the file → index of its name; two values may share a name.

    >>> label_numbers({"0": "negative", "1": "positive", "-1": "negative"})
    {'0': 0, '1': 1, '-1': 0}
    """
    names = list(dict.fromkeys((labels or {}).values()))
    return {value: names.index(name) for value, name in (labels or {}).items()}


def _too_many(source: Opened, line: int, column: str) -> DataError:
    message = f"more than {MAX_VALUES:,} different values, where a label or a stratum was expected."
    remedy = "Is this the right column? Say which with columns: {label: …} or split: {stratify: …}."
    return DataError(message, file=str(source.path), line=line, column=column, remedy=remedy)
