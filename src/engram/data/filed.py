"""Rows that are files: a cell's file read and looked at, and what stands beside it cleaned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from engram.data.attached import content_digest, read_attached
from engram.data.boxes import ROLE as BOXES
from engram.data.boxes import read_boxes
from engram.data.forms import BadCell, Cells, Clean, Made
from engram.data.media import LOOKS, Facts
from engram.data.reader import shown
from engram.schema.form import Form


def filing(
    form: Form, clean: Clean, base: Path, refuse: Callable[[Facts], str] = lambda facts: "", *, whole: bool = True
) -> Callable[[Cells], Made]:
    """Return the function from a row's cells, by role, to the row; its body has no ``at`` in a pack yet.

    base: where names of files begin, and what none of them leaves. refuse: facts → why such a file is not taken.
    whole: read every file to its end; without it its head is believed.

    It raises BadCell for a file that can't be read, or is not what its role asks for, with the file's name.
    """
    if form.file is None:
        raise ValueError(f"Rows of the form {form.name} have no files.")
    role, medium = form.file
    look, texts = LOOKS[medium], [name for name in form.known if name not in (role, BOXES, "label")]

    def make(cells: Cells) -> Made:
        beside = {name: clean(cells[name]) for name in texts if name in cells}
        if not all(beside.get(name) for name in texts if name in form.roles):
            return Made()
        name, content = read_attached(cells[role].strip(), base, role)
        try:
            facts = (look.check if whole else look.facts)(content)
        except ValueError as error:
            raise BadCell(role, f"{_named(name)} is not {look.what}: {error}.", "Mend or remove the row.") from None
        if told := refuse(facts):
            raise BadCell(role, f"{_named(name)} {told}.")
        digest = content_digest(content)
        file = {"size": len(content), "digest": digest, "name": name, "facts": dict(facts)}
        asked = {"asks": form.asks} if form.asks else {}
        body = {"file": file, **({"beside": beside} if beside else {}), **asked}
        if BOXES not in form.roles:
            key = json.dumps([digest, beside], sort_keys=True, ensure_ascii=False)
            return Made(digest, key, body, file=content)
        tags, boxes = read_boxes(cells[BOXES], facts)
        key = json.dumps([digest, beside, tags, boxes], sort_keys=True, ensure_ascii=False)
        return Made(digest, key, {**body, BOXES: boxes, "tags": tags}, tags, content)

    return make


def _named(name: str) -> str:
    return f"the file {shown(name)!r}" if name else "the file"
