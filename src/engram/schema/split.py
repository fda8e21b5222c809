"""The split: cleaned rows, dealt to train, valid and test, and known by their digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FORMAT = "engram.split/1"


@dataclass(frozen=True)
class Part:
    """One part of a split: a JSONL file in the split's folder.

    Each line is ``{"id": <row number among the kept rows>, "text": …, "label": <index into labels>}``, or what the form
    of the rows has in place of a text. pack: where rows have files, their bytes one after the other, in the order of
    the rows; each line names its own by place, size and digest. pack_digest: that of the whole pack.
    """

    file: str
    rows: int
    digest: str
    pack: str = ""
    pack_digest: str = ""

    @property
    def files(self) -> dict[str, str]:
        """The part's files in the split's folder, each with its digest."""
        return {self.file: self.digest, **({self.pack: self.pack_digest} if self.pack else {})}


@dataclass(frozen=True)
class SourceFile:
    """One source as it was read."""

    name: str
    digest: str
    bytes: int
    format: str
    license: str


@dataclass(frozen=True)
class Split:
    """A folder of three parts. `digest` covers the parts' digests and the labels, so it names the data exactly."""

    digest: str
    parts: Mapping[str, Part]
    labels: tuple[str, ...]
    sources: tuple[SourceFile, ...]
    format: str = FORMAT


@dataclass(frozen=True)
class DataReport:
    """What happened to every row on its way into the split.

    rows_read = rows_kept + sum(dropped.values()), always.
    dropped: reason → rows (`missing_text`, `missing_label`, `unknown_label`, `duplicate`, `leaked`, `over_limit`, …).
    leaked_test_rows: test rows whose cleaned text also stands in train or valid, after the split.
    missing_values: empty cells left in the used columns after cleaning.
    class_counts: part → label → rows.
    said: sentences for people: the format that was found, the delimiter, the mapping of columns.
    example: one row as read (`raw`) and as kept (`kept`).
    """

    rows_read: int
    rows_kept: int
    dropped: Mapping[str, int]
    leaked_test_rows: int
    missing_values: int
    class_counts: Mapping[str, Mapping[str, int]]
    said: tuple[str, ...]
    example: Mapping[str, Mapping[str, str]]
    format: str = "engram.data-report/1"
