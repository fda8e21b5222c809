"""Sources to a split, in two passes: look at every row and decide, then read again and write. Start here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engram.data.cache import discard, entry_key, is_sound, load_split, seal, split_digest, sweep
from engram.data.clean import Repair, cleaner
from engram.data.compose import Composer, composing
from engram.data.decide import DROPPED, PARTS, Decision, decide
from engram.data.filed import filing
from engram.data.forms import Cells, Made, choose_form, maker
from engram.data.leakage import leaked_rows
from engram.data.media import Facts
from engram.data.rows import body_line, row_line
from engram.data.scan import REPORT_EVERY, Reading, Tick, read_cells, role_column, scan, wanted_columns
from engram.data.sources import attach, check_unchanged, open_sources
from engram.errors import UsageError
from engram.files import new_folder, sha256_file, write_json
from engram.proc import crashpoint
from engram.schema.codec import to_dict
from engram.schema.recipe import Data, Source
from engram.schema.split import DataReport, Part, Split

__all__ = ["Prepared", "check_data", "prepare_split"]

SHOWN_TEXT = 1_000

Progress = Callable[[int, int], None]
Steps = Sequence[Callable[[str], str]]
Refuse = Callable[[Facts], str]


@dataclass(frozen=True)
class Prepared:
    """A split, what happened on the way to it, the folder of its parts, and whether it was there already."""

    split: Split
    report: DataReport
    folder: Path
    cached: bool


def prepare_split(
    data: Data,
    *,
    folder: Path,
    cache: Path,
    forms: Sequence[str] = ("label",),
    steps: Steps = (),
    step_names: Sequence[str] = (),
    composer: Composer | None = None,
    on_progress: Progress | None = None,
    stored: Path | None = None,
    refuse: Refuse = lambda facts: "",
) -> Prepared:
    """Return the split of some data: from the cache if a sound one is there, else made and put there whole.

    folder: where relative paths begin. cache: the parent of all entries. stored: that of the home's datasets as they
    can be read, the cache unless it is said.
    forms: those that the task takes.
    steps: text → text, applied in order when rows are cleaned. composer: makes the rows, in place of one of the forms.
    step_names: one for each step and the composer, with its version and options, because they are part of the entry's
    key. on_progress: called with rows done and rows in all (0 while they are still being counted). refuse: facts of
    a row's file → why it is not taken; what it depends on is among the step_names, which may be more than the steps.

    Raises DataError with file, line and column for a row that can't be imported, and nothing is left behind;
    UsageError and UnknownName for a configuration that means nothing; MissingExtra when encodings are to be repaired
    and the library for it is not installed.
    """
    count = len(steps) + (composer is not None)
    if count > len(step_names):
        raise UsageError(f"{count} prep steps came with {len(step_names)} names; each needs one.")
    reading = _reading(data, folder, forms, steps, composer, stored or cache, refuse)
    names = [*([reading.repair.name] if reading.repair else []), *step_names]
    target = cache / entry_key(data, reading.form.name, [each.file for each in reading.opened], names)
    cached = target.is_dir()
    if cached and not is_sound(target):
        discard(target)
        cached = False
    if not cached:
        _make(reading, target, on_progress or (lambda done, total: None))
    split, report = load_split(target)
    return Prepared(split, report, target, cached)


def check_data(
    data: Data,
    *,
    folder: Path,
    forms: Sequence[str] = ("label",),
    steps: Steps = (),
    composer: Composer | None = None,
    stored: Path | None = None,
) -> DataReport:
    """Read every row, as a run would, and report; nothing is written. All kept rows count as `train`.

    stored: where the datasets of a home lie, for sources that name one.

    Raises what `prepare_split` raises.
    """
    everything = replace(data, split=replace(data.split, train=1.0, valid=0.0, test=0.0))
    reading = _reading(everything, folder, forms, steps, composer, stored, lambda facts: "")
    found = scan(reading, lambda rows: None)
    decision = decide(found, reading.data, reading.form)
    check_unchanged(reading.opened)
    return _report(reading, decision, leaked=0, repaired=found.repaired)


def whole_digest(source: Source, data: Data, folder: Path, forms: Sequence[str], stored: Path | None = None) -> str:
    """Return the digest of one source with all files that its rows name; raises what `prepare_split` raises of it."""
    only = replace(data, sources=(source,))
    return _reading(only, folder, forms, (), None, stored, lambda facts: "").opened[0].file.digest


def _reading(
    data: Data,
    folder: Path,
    forms: Sequence[str],
    steps: Steps,
    composer: Composer | None,
    stored: Path | None,
    refuse: Refuse,
) -> Reading:
    opened = open_sources(data.sources, folder, stored)
    repair = Repair() if data.clean.repair_encoding else None
    clean = cleaner([*([repair] if repair else []), *steps], strip=data.clean.strip)
    if composer:
        return Reading(data, composer.form, opened, clean, composing(composer, clean, data.labels), repair)
    form = choose_form(data.format, forms, data.columns, opened[0].columns)
    if form.file is None:
        return Reading(data, form, opened, clean, maker(form, clean), repair)
    if data.clean.deduplicate == "near":
        raise UsageError("deduplicate: near compares words, and these rows are files.", remedy="Write exact.")
    column = role_column(data, form.file[0])
    return Reading(data, form, tuple(attach(each, column) for each in opened), clean, _no_cells, repair, refuse)


def _no_cells(cells: Cells) -> Made:
    """Stand for the function that makes rows, where it depends on the source: see `engram.data.filed`."""
    raise ValueError("Rows with files are made for each source.")


def _make(reading: Reading, target: Path, progress: Progress) -> None:
    if target.parent.is_dir():
        sweep(target.parent)
    found = scan(reading, lambda rows: progress(rows, 0))
    decision, repaired = decide(found, reading.data, reading.form), found.repaired
    del found
    rows_read = len(decision.fate)
    crashpoint("data.after-scan")
    with new_folder(target) as folder:
        _write_parts(reading, decision, folder, lambda rows: progress(rows, rows_read))
        check_unchanged(reading.opened)
        parts = {name: _part(folder, name, decision) for name in PARTS}
        digest = split_digest({name: part.digest for name, part in parts.items()}, decision.labels)
        split = Split(digest, parts, decision.labels, tuple(each.file for each in reading.opened))
        leaked = leaked_rows(folder, parts, decision.near)
        report = _report(reading, decision, leaked=leaked, repaired=repaired)
        write_json(folder / "split.json", to_dict(split))
        write_json(folder / "report.json", to_dict(report))
        seal(folder)
        crashpoint("data.before-rename")
    progress(rows_read, rows_read)


def _part(folder: Path, name: str, decision: Decision) -> Part:
    file, pack = f"{name}.jsonl", f"{name}.pack"
    part = Part(file, decision.rows[name], sha256_file(folder / file))
    return replace(part, pack=pack, pack_digest=sha256_file(folder / pack)) if (folder / pack).exists() else part


def _kept(reading: Reading, decision: Decision, tick: Tick) -> Iterator[tuple[str, int, Cells, Path]]:
    """Read the sources again and yield the rows that were kept: part, number, cells as read, base of their files."""
    fate = decision.fate
    number = place = 0
    for source in reading.opened:
        wanted = wanted_columns(reading.data, reading.form, source.columns)
        for _, cells in read_cells(source, reading.data, reading.form, wanted):
            if place >= len(fate):
                return  # the source grew; check_unchanged says so
            part = fate[place]
            if not place % REPORT_EVERY:
                tick(place)
            place += 1
            if part == DROPPED or not cells:
                continue
            yield PARTS[part], number, cells, source.base
            number += 1


def _writer(reading: Reading, decision: Decision) -> Callable[[int, Cells, Path, int], tuple[str, bytes]]:
    """Return the function from a row's number and cells to its line and the content of its file, if it has one.

    It is also told where names of files begin, and where in the pack the content will stand.
    """
    numbers, clean, columns = (
        decision.numbers,
        reading.clean,
        {r: role_column(reading.data, r) for r in reading.form.known},
    )
    if reading.form.gives == "label":
        text, label, strip = columns["text"], columns["label"], reading.data.clean.strip

        def labelled(number: int, cells: Cells, base: Path, at: int) -> tuple[str, bytes]:
            value = cells[label].strip() if strip else cells[label]
            return row_line(number, clean(cells[text]), numbers.get(value, 0)), b""

        return labelled
    form, make = reading.form, reading.make

    def formed(number: int, cells: Cells, base: Path, at: int) -> tuple[str, bytes]:
        given = {role: cells[column] for role, column in columns.items() if column in cells}
        made = filing(form, clean, base, whole=False)(given) if form.file else make(given)
        body = dict(made.body or {})
        if form.file:
            body["file"] = {**body["file"], "at": at}
            if form.classed:
                body["label"] = numbers.get(given["label"].strip(), 0)
        if form.tagged:
            body["tags"] = [numbers.get(tag, 0) for tag in made.tags]
        return body_line(number, body), made.file

    return formed


def _write_parts(reading: Reading, decision: Decision, folder: Path, tick: Tick) -> None:
    line = _writer(reading, decision)
    with ExitStack() as stack:
        streams = {
            name: stack.enter_context((folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n"))
            for name in PARTS
        }
        packed = PARTS if reading.form.file else ()
        packs = {name: stack.enter_context((folder / f"{name}.pack").open("wb")) for name in packed}
        for part, number, cells, base in _kept(reading, decision, tick):
            written, content = line(number, cells, base, packs[part].tell() if packs else 0)
            streams[part].write(written)
            if packs:
                packs[part].write(content)


def _report(reading: Reading, decision: Decision, *, leaked: int, repaired: int) -> DataReport:
    _, number, cells, base = next(_kept(reading, decision, lambda rows: None))
    written = json.loads(_writer(reading, decision)(number, cells, base, 0)[0])
    mapping = ", ".join(f"{role} = column {role_column(reading.data, role)!r}" for role in reading.form.roles)
    dropped = sum(decision.dropped.values())
    mended = f"repaired the encoding of {repaired} row{'s' * (repaired != 1)}"
    return DataReport(
        rows_read=len(decision.fate),
        rows_kept=sum(decision.rows.values()),
        dropped=decision.dropped,
        leaked_test_rows=leaked,
        missing_values=decision.missing_values,
        class_counts=decision.class_counts,
        said=(
            *(each.said for each in reading.opened),
            f"rows are {reading.form.title[0].lower()}{reading.form.title[1:]} (format {reading.form.name}): {mapping}",
            *([f"{mended} ({reading.repair.name})"] if reading.repair else []),
            f"read {len(decision.fate)} rows, dropped {dropped}",
            *decision.said,
        ),
        example={
            "raw": _short(cells),
            "kept": _short(_shown(written, decision)),
        },
    )


def _shown(kept: dict[str, Any], decision: Decision) -> dict[str, str]:
    """Return a kept row for people: labels by their names, lists as JSON."""
    kept.pop("id")
    if "label" in kept:
        kept["label"] = decision.labels[kept["label"]]
    if "tags" in kept:
        kept["tags"] = [decision.labels[tag] for tag in kept["tags"]]
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in kept.items()
    }


def _short(cells: Mapping[str, str]) -> dict[str, str]:
    """Cut long values: the report is for people."""
    return {name: text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "…" for name, text in cells.items()}
