"""Sources to a split, in two passes: look at every row and decide, then read again and write. Start here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from engram.data.cache import discard, entry_key, is_sound, load_split, seal, split_digest, sweep
from engram.data.clean import cleaner
from engram.data.decide import DROPPED, PARTS, Decision, decide
from engram.data.leakage import leaked_rows
from engram.data.rows import row_line
from engram.data.scan import REPORT_EVERY, Tick, role_column, scan, wanted_columns
from engram.data.sources import Opened, check_unchanged, open_sources
from engram.errors import UsageError
from engram.files import new_folder, sha256_file, write_json
from engram.proc import crashpoint
from engram.schema.codec import to_dict
from engram.schema.recipe import Data
from engram.schema.split import DataReport, Part, Split

__all__ = ["Prepared", "check_data", "load_split", "prepare_split"]

SHOWN_TEXT = 1_000

Progress = Callable[[int, int], None]
Steps = Sequence[Callable[[str], str]]


@dataclass(frozen=True)
class Prepared:
    """A split, what happened on the way to it, the folder of its parts, and whether it was there already."""

    split: Split
    report: DataReport
    folder: Path
    cached: bool


@dataclass(frozen=True)
class _Job:
    """What both passes need: the configuration, its sources and the cleaning, as one function."""

    data: Data
    opened: tuple[Opened, ...]
    clean: Callable[[str], str]


def prepare_split(
    data: Data,
    *,
    folder: Path,
    cache: Path,
    steps: Steps = (),
    step_names: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> Prepared:
    """Return the split of some data: from the cache if a sound one is there, else made and put there whole.

    folder: where relative paths begin. cache: the parent of all entries. steps: text → text, applied in order when
    rows are cleaned; step_names: one for each, with its version, because they are part of the entry's key.
    on_progress: called with rows done and rows in all (0 while they are still being counted).

    Raises DataError with file, line and column for a row that can't be imported, and nothing is left behind;
    UsageError and UnknownName for a configuration that means nothing.
    """
    if len(steps) != len(step_names):
        raise UsageError(f"{len(steps)} prep steps came with {len(step_names)} names; each needs one.")
    opened = open_sources(data.sources, folder)
    target = cache / entry_key(data, [each.file for each in opened], step_names)
    cached = target.is_dir()
    if cached and not is_sound(target):
        discard(target)
        cached = False
    if not cached:
        job = _Job(data, opened, cleaner(steps, strip=data.clean.strip))
        _make(job, target, on_progress or (lambda done, total: None))
    split, report = load_split(target)
    return Prepared(split, report, target, cached)


def check_data(data: Data, *, folder: Path, steps: Steps = ()) -> DataReport:
    """Read every row, as a run would, and report; nothing is written. All kept rows count as `train`.

    Raises what `prepare_split` raises.
    """
    everything = replace(data, split=replace(data.split, train=1.0, valid=0.0, test=0.0))
    job = _Job(everything, open_sources(data.sources, folder), cleaner(steps, strip=data.clean.strip))
    decision = decide(scan(job.data, job.opened, job.clean, lambda rows: None), job.data)
    check_unchanged(job.opened)
    return _report(job, decision, leaked=0)


def _make(job: _Job, target: Path, progress: Progress) -> None:
    if target.parent.is_dir():
        sweep(target.parent)
    decision = decide(scan(job.data, job.opened, job.clean, lambda rows: progress(rows, 0)), job.data)
    rows_read = len(decision.fate)
    crashpoint("data.after-scan")
    with new_folder(target) as folder:
        _write_parts(job, decision, folder, lambda rows: progress(rows, rows_read))
        check_unchanged(job.opened)
        parts = {name: _part(folder, name, decision) for name in PARTS}
        digest = split_digest({name: part.digest for name, part in parts.items()}, decision.labels)
        split = Split(digest, parts, decision.labels, tuple(each.file for each in job.opened))
        report = _report(job, decision, leaked=leaked_rows(folder, parts))
        write_json(folder / "split.json", to_dict(split))
        write_json(folder / "report.json", to_dict(report))
        seal(folder)
        crashpoint("data.before-rename")
    progress(rows_read, rows_read)


def _part(folder: Path, name: str, decision: Decision) -> Part:
    file = f"{name}.jsonl"
    return Part(file, sum(decision.class_counts[name].values()), sha256_file(folder / file))


def _kept(job: _Job, decision: Decision, tick: Tick) -> Iterator[tuple[str, int, str, int, dict[str, str]]]:
    """Read the sources again and yield the rows that were kept: part, number, text, label, cells as read."""
    text_column, label_column = role_column(job.data, "text"), role_column(job.data, "label")
    wanted, strip = wanted_columns(job.data), job.data.clean.strip
    fate, numbers, clean = decision.fate, decision.numbers, job.clean
    number = place = 0
    for source in job.opened:
        for _, cells in source.reader.read(source.path, source.source, wanted):
            if place >= len(fate):
                return  # the source grew; check_unchanged says so
            part = fate[place]
            if not place % REPORT_EVERY:
                tick(place)
            place += 1
            if part == DROPPED or not cells:
                continue
            value = cells[label_column].strip() if strip else cells[label_column]
            yield PARTS[part], number, clean(cells[text_column]), numbers.get(value, 0), cells
            number += 1


def _write_parts(job: _Job, decision: Decision, folder: Path, tick: Tick) -> None:
    with ExitStack() as stack:
        streams = {
            name: stack.enter_context((folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n"))
            for name in PARTS
        }
        for part, number, text, label, _ in _kept(job, decision, tick):
            streams[part].write(row_line(number, text, label))


def _report(job: _Job, decision: Decision, *, leaked: int) -> DataReport:
    _, _, text, label, cells = next(_kept(job, decision, lambda rows: None))
    kept = {"text": text, "label": decision.labels[label]}
    mapping = ", ".join(f"{role} = column {role_column(job.data, role)!r}" for role in ("text", "label"))
    dropped = sum(decision.dropped.values())
    return DataReport(
        rows_read=len(decision.fate),
        rows_kept=sum(sum(counts.values()) for counts in decision.class_counts.values()),
        dropped=decision.dropped,
        leaked_test_rows=leaked,
        missing_values=decision.missing_values,
        class_counts=decision.class_counts,
        said=(
            *(each.said for each in job.opened),
            mapping,
            f"read {len(decision.fate)} rows, dropped {dropped}",
            decision.said,
        ),
        example={"raw": _short(cells), "kept": _short(kept)},
    )


def _short(cells: Mapping[str, str]) -> dict[str, str]:
    """Cut long values: the report is for people."""
    return {name: text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + "…" for name, text in cells.items()}
