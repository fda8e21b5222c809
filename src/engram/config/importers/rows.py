"""Sources, format, columns and parts: what the four peers say of data, put into our data block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engram.config.importers import reasons
from engram.config.importers.rules import flag, number
from engram.config.importers.sheet import Sheet, Unfit
from engram.schema.codec import Path

TEST_SHARE = VALID_SHARE = 0.1

# Format → the roles of its columns, which are also the names that the columns have when nothing else is said.
FORMATS: dict[str, tuple[str, ...]] = {
    "label": ("text", "label"),
    "tags": ("tokens", "tags"),
    "alpaca": ("instruction", "input", "output", "system"),
    "sharegpt": ("conversations", "system", "tools"),
    "messages": ("messages", "tools"),
    "prompt_completion": ("prompt", "completion"),
    "text": ("text",),
}


@dataclass(frozen=True)
class Shape:
    """How rows look: one of our formats, and the columns that have another name than the format's own."""

    format: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def renamed(self) -> dict[str, str]:
        """Return role → column, for every role if any has another name; nothing where all are the format's own."""
        return dict(self.columns) if any(role != column for role, column in self.columns.items()) else {}

    def with_(self, other: Shape) -> Shape:
        """Return the shape of rows of both kinds together.

        Raises Unfit where they differ, because a recipe reads rows of one shape.
        """
        mine, theirs = self._every_role(), other._every_role()
        if self.format != other.format:
            raise Unfit(f"has rows of the format {other.format}, those before it {self.format}; a recipe reads one")
        for role, column in theirs.items():
            if mine.get(role, column) != column:
                raise Unfit(
                    f"has its {role} in {column!r}, those before it in {mine[role]!r}; a recipe reads one column"
                )
        return Shape(self.format, {**mine, **theirs})

    def _every_role(self) -> dict[str, str]:
        return dict(self.columns) or {role: role for role in FORMATS[self.format]}


def part_of(split: str) -> str:
    """Say which part a split of a data set becomes, by its name.

    >>> part_of("test_sft"), part_of("validation")
    ('test', 'valid')
    """
    return "test" if split.lower().startswith("test") else "valid"


def put_shape(sheet: Sheet, shape: Shape, why: str) -> None:
    """Write format and columns; a class needs its columns named, other formats only where they differ."""
    columns = shape.columns if shape.format == "label" else shape.renamed()
    lines = {"data.format": shape.format, **{f"data.columns.{role}": column for role, column in columns.items()}}
    for ours, value in lines.items():
        if not sheet.is_written(ours):
            sheet.write(ours, value, why)


def share(value: Any) -> float:
    """Read the share of rows that is kept apart.

    Raises Unfit for a number of rows, which is a share only once the rows are counted.
    """
    said = number(value)
    if 0 <= said < 1 - TEST_SHARE:
        return said
    if said >= 1 and said == int(said):
        raise Unfit("a number of rows; Engram takes a share (data.split.valid), which 0.1 stands for until you say it")
    raise Unfit(f"must be at least 0 and less than {1 - TEST_SHARE:g}, because a part for the test is kept too")


def valid_share(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the share of rows that is kept for validation."""
    try:
        said = share(value)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit), matters=False)
        return
    if said:
        sheet.carry(path, "data.split.valid", said)
    else:
        sheet.ignore(path, f"Engram keeps a part all the same: {reasons.VALID_PART}")


def finish_parts(sheet: Sheet, given: Iterable[str]) -> None:
    """Fill the fractions up, so that every part has rows and their sum is one; `given` are the parts of sources."""
    for part in sorted({*given}):
        sheet.put(f"data.split.{part}", 0.0, "has rows of its own")
    sheet.put("data.split.valid", VALID_SHARE, reasons.VALID_PART)
    sheet.put("data.split.test", TEST_SHARE, reasons.TEST_PART)
    rest = 1 - sheet.wrote("data.split.valid") - sheet.wrote("data.split.test")
    sheet.put("data.split.train", round(rest, 9), "the rest")
    if sheet.wrote("task") != "classify":
        sheet.put("data.split.stratify", None, "there is no class whose share could be kept")


def deduplicated(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over whether rows that are the same are dropped."""
    try:
        sheet.carry(path, "data.clean.deduplicate", "exact" if flag(value) else "none")
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
