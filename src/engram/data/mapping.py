"""The mapping preview: which column would play which role, which form the rows have, and what is wrong, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engram.data.forms import BadCell, choose_form, maker
from engram.errors import DataError, UsageError, did_you_mean
from engram.schema.form import Form

MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Role:
    """One role of a form. column: which would play it; found: whether the file has that column."""

    role: str
    column: str
    what: str
    needed: bool
    found: bool


@dataclass(frozen=True)
class Mapped:
    """What a task would make of rows. form: its name, empty when none fits; usable: rows that it takes."""

    form: str
    title: str
    roles: tuple[Role, ...]
    usable: int
    problems: tuple[str, ...]


def preview(
    forms: Sequence[str],
    columns: Mapping[str, str],
    found: Sequence[str],
    rows: Sequence[tuple[int, Mapping[str, str]]],
) -> Mapped:
    """Say how rows would be read; nothing raises, every fault is told in words.

    forms: those that the task takes. columns: role → column, as a recipe says. found: the columns of the file. rows: a
    sample, each with its line.

    >>> preview(("label",), {"label": "class"}, ("text", "class"), [(2, {"text": "hi", "class": "a"})]).usable
    1
    """
    try:
        form = choose_form("auto", tuple(forms), columns, found)
    except (DataError, UsageError) as error:
        return Mapped("", "", (), 0, (str(error),))
    roles = tuple(_role(form, role, columns, found) for role in form.known)
    missing = [one for one in roles if one.needed and not one.found]
    problems = [
        f"there is no column {one.column!r} for {one.role!r} ({one.what}). {did_you_mean(one.column, found)}".strip()
        for one in missing
    ]
    problems += [
        f"there is no column {column!r} for {role!r}."
        for role, column in columns.items()
        if _astray(role, form, found, column)
    ]
    usable = 0
    if not missing:
        usable, more = _tried(form, roles, rows)
        problems += more
    return Mapped(form.name, form.title, roles, usable, tuple(dict.fromkeys(problems))[:MOST_PROBLEMS])


def _role(form: Form, role: str, columns: Mapping[str, str], found: Sequence[str]) -> Role:
    column = columns.get(role, role)
    return Role(role, column, {**form.roles, **form.optional}[role], role in form.roles, column in found)


def _astray(role: str, form: Form, found: Sequence[str], column: str) -> bool:
    return role in form.optional and column not in found


def _tried(form: Form, roles: Sequence[Role], rows: Sequence[tuple[int, Mapping[str, str]]]) -> tuple[int, list[str]]:
    usable, problems = 0, list[str]()
    make = None if form.gives == "label" or form.file else maker(form, str.strip)
    for line, cells in rows:
        given = {one.role: cells[one.column] for one in roles if one.column in cells}
        empty = [one for one in roles if one.needed and not given.get(one.role, "").strip()]
        if empty:
            problems.append(f"line {line}: the column {empty[0].column!r} is empty; the row would be dropped.")
            continue
        try:
            made = make(given) if make else None
        except BadCell as error:
            column = next((one.column for one in roles if one.role == error.role), error.role)
            problems.append(f"line {line}, column {column!r}: {error}")
            continue
        if made is not None and made.body is None:
            problems.append(f"line {line}: nothing to learn from; the row would be dropped.")
            continue
        usable += 1
    return usable, problems
