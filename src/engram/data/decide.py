"""Between the two passes: which rows are dropped, and why, and which part each other row goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.data.deal import deal
from engram.data.near import Near
from engram.data.neighbours import Neighbours, duplicates, find_neighbours, leaks, units
from engram.data.scan import (
    CONFLICTING,
    DUPLICATE,
    GIVEN,
    LEAKED,
    NEAR_DUPLICATE,
    NEAR_LEAKED,
    OVER_LIMIT,
    REASONS,
    Scan,
    stratified_by,
)
from engram.errors import DataError, UsageError
from engram.schema.form import Form
from engram.schema.recipe import Data

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

PARTS = ("train", "valid", "test")
DROPPED = 255
OUTSIDE = "O"


@dataclass(frozen=True)
class Decision:
    """fate: one byte for each row read, an index into PARTS or DROPPED. numbers: value in the file → final label.
    rows: part → rows.

    labels: the final names. dropped: reason → rows. class_counts: part → label → rows. missing_values: empty cells
    left in the columns that rows are grouped and stratified by. near: when two texts are near, where that is asked.
    """

    fate: bytes
    numbers: dict[str, int]
    rows: dict[str, int]
    labels: tuple[str, ...]
    dropped: dict[str, int]
    class_counts: dict[str, dict[str, int]]
    missing_values: int
    said: tuple[str, ...]
    near: Near | None = None


def decide(found: Scan, data: Data, form: Form) -> Decision:
    """Drop leaked, conflicting and duplicate rows, near ones if asked, and those over the limit; deal the rest.

    Raises UsageError for proportions that don't add up to 1, DataError when no row is left or a part gets none.
    """
    import numpy as np

    shares = _shares(data)
    label = np.array(found.label, dtype=np.int64)
    given = np.frombuffer(found.given, dtype=np.uint8).astype(np.int64)
    folded, exact = _ranks(found.folded), _ranks(found.exact)
    group = _ranks(found.group) if found.group else None
    near = find_neighbours(found.sketcher, folded, data.clean.near_threshold) if found.sketcher else None
    rest = np.frombuffer(found.rest, dtype=np.int64) if found.rest else label
    reason = _drop(folded, exact, label, given, group, near, rest, data)
    part = np.maximum(given - 1, 0)
    pool = np.flatnonzero((reason == 0) & (given <= GIVEN["train"]))
    stratum = _strata(found, label, data, form)
    if len(pool):
        together = units(folded[pool], None if group is None else group[pool], near)
        part[pool] = deal(together, stratum[pool], shares)
    part[reason > 0] = DROPPED
    lost = np.frombuffer(found.lost, dtype=np.uint8)
    fate = np.full(len(lost), DROPPED, dtype=np.uint8)
    fate[lost == 0] = part
    counts = np.bincount(lost[lost > 0], minlength=len(REASONS)) + np.bincount(reason, minlength=len(REASONS))
    dropped = {name: int(counts[place]) for place, name in enumerate(REASONS) if place and counts[place]}
    _check_parts(part, shares, data, dropped)
    names = _names(found, data, form, {int(number) for number in np.unique(label[reason == 0])})
    final = {name: place for place, name in enumerate(names)}
    table: dict[str, dict[str, int]] = {name: dict.fromkeys(names, 0) for name in PARTS}
    for place, name in enumerate(PARTS if form.classed else ()):
        for number, count in enumerate(np.bincount(label[part == place], minlength=len(found.labels))):
            if count:
                table[name][found.labels[number]] = int(count)
    rows = {name: int((part == place).sum()) for place, name in enumerate(PARTS)}
    return Decision(
        fate=fate.tobytes(),
        numbers={v: final[found.labels[n]] for v, n in found.numbers.items() if found.labels[n] in final},
        rows=rows,
        labels=tuple(names),
        dropped=dropped,
        class_counts=table,
        missing_values=int(np.frombuffer(found.empty, dtype=np.uint8)[reason == 0].sum()),
        said=(*_say_near(near), _say(rows, data, stratified_by(data, form) is not None)),
        near=near.near if near else None,
    )


def _strata(found: Scan, label: Ints, data: Data, form: Form) -> Ints:
    """Return the stratum of each row, numbered by its value and not by which row came first, shape (n,)."""
    import numpy as np

    if stratified_by(data, form) is None:
        return np.zeros_like(label)
    values: list[str] | list[bytes] = list(found.strata) if found.stratum else found.labels
    if data.labels and not found.stratum:
        return label  # numbered by the recipe
    number = np.empty(len(values), dtype=np.int64)
    number[sorted(range(len(values)), key=values.__getitem__)] = np.arange(len(values))
    return number[np.array(found.stratum, dtype=np.int64) if found.stratum else label]


def _ranks(digests: bytearray) -> Ints:
    """Number 16-byte digests by their place in sorted order, shape (n,); equal digests share a number."""
    import numpy as np

    ranks: Ints = np.unique(np.frombuffer(digests, dtype="S16"), return_inverse=True)[1]
    return ranks


def _drop(
    folded: Ints,
    exact: Ints,
    label: Ints,
    given: Ints,
    group: Ints | None,
    near: Neighbours | None,
    rest: Ints,
    data: Data,
) -> Ints:
    """Return for each usable row 0 or why it is dropped, shape (n,)."""
    import numpy as np

    reason = np.zeros(len(label), dtype=np.int64)
    # A given test part stays as it is, and a given validation part but for test's texts: the other copy goes.
    rank = np.maximum(given - 1, 0)
    if rank.any():
        top = np.zeros(folded.max() + 1, dtype=np.int64)
        np.maximum.at(top, folded, rank)
        reason[rank < top[folded]] = LEAKED
        if near:
            reason[leaks(near, folded, rank, reason == 0)] = NEAR_LEAKED
    if data.clean.deduplicate != "none" and len(label):
        rows = np.flatnonzero((reason == 0) & (given != GIVEN["test"]))
        low = np.full(exact.max() + 1, label.max() + 1)
        high = np.full(exact.max() + 1, -1)
        np.minimum.at(low, exact[rows], label[rows])
        np.maximum.at(high, exact[rows], label[rows])
        clash = low[exact[rows]] != high[exact[rows]]
        reason[rows[clash]] = CONFLICTING
        rows = rows[~clash]
        # Which copy stays must not depend on the file's order, so the group decides before the place does.
        keys = (rows, exact[rows]) if group is None else (rows, group[rows], exact[rows])
        rows = rows[np.lexsort(keys)]
        reason[rows[1:][exact[rows[1:]] == exact[rows[:-1]]]] = DUPLICATE
    if near and len(label):
        order = np.lexsort((np.arange(len(label)), exact, folded))
        reason[duplicates(near, folded, rest, rank, order, reason == 0)] = NEAR_DUPLICATE
    if data.limit is not None:
        rows = np.flatnonzero(reason == 0)
        reason[rows[np.lexsort((rows, folded[rows]))][data.limit :]] = OVER_LIMIT
    return reason


def _shares(data: Data) -> tuple[float, float, float]:
    """Return the proportions among the parts that are dealt; those that sources give whole get 0."""
    plan = data.split
    asked = (plan.train, plan.valid, plan.test)
    if min(asked) < 0 or plan.train == 0 or not abs(sum(asked) - 1) < 1e-6:
        raise UsageError(
            f"split proportions must be at least 0, train above 0, and add up to 1, not {asked}.",
            remedy="Write for example split: {train: 0.8, valid: 0.1, test: 0.1}.",
        )
    if data.limit is not None and data.limit < 1:
        raise UsageError(f"data.limit must be at least 1, not {data.limit}.")
    whole = {source.part for source in data.sources} - {"train"} | ({"test"} if data.split.held_out else set())
    kept = [0.0 if name in whole else share for name, share in zip(PARTS, asked, strict=True)]
    train, valid, test = (share / sum(kept) for share in kept)
    return train, valid, test


def _check_parts(part: Ints, shares: tuple[float, ...], data: Data, dropped: dict[str, int]) -> None:
    whole = {source.part for source in data.sources} | ({"test"} if data.split.held_out else set())
    for place, name in enumerate(PARTS):
        if (shares[place] > 0 or name in whole) and not (part == place).any():
            kept = int((part != DROPPED).sum())
            lost = ", ".join(f"{rows} {reason}" for reason, rows in dropped.items()) or "nothing"
            message = f"{kept} usable row{'s' * (kept != 1)} left none for the part {name!r} (dropped: {lost})."
            near = ", or raise clean.near_threshold" * (data.clean.deduplicate == "near")
            remedy = f"Add rows, or change data.split: its proportions, stratify or group{near}."
            raise DataError(message, remedy=remedy)


def _names(found: Scan, data: Data, form: Form, used: set[int]) -> list[str]:
    """Return the final labels in order; tags begin with O, the one that means nothing. Other rows have none."""
    if not form.classed and not form.tagged:
        return []
    if data.labels:
        return found.labels
    if form.classed:
        return sorted(found.labels[number] for number in used)
    return sorted(found.labels, key=lambda tag: (tag != OUTSIDE, tag))


def _say_near(found: Neighbours | None) -> list[str]:
    if found is None:
        return []
    pairs = f"{len(found.one):,} pair{'s' * (len(found.one) != 1)} of texts"
    said = f"near duplicates: {pairs} with a similarity of {found.near.threshold:g} or more"
    common = len(found.near.common)
    return [f"{said}; pairs of words too common to count alone: {common:,}" if common else said]


def _say(rows: dict[str, int], data: Data, stratified: bool) -> str:
    sizes = ", ".join(f"{name} {count}" for name, count in rows.items())
    given = sorted({source.part for source in data.sources if source.part})
    plan = data.split
    how = [f"as given: {', '.join(given)}"] if given else []
    how += [f"test: {column!r} is {', '.join(values)}" for column, values in plan.held_out.items()]
    if not {"valid", "test"} <= set(given):
        how.append(f"dealt with seed {plan.seed}")
        how += [f"in the proportions of {plan.stratify!r}"] if stratified else []
        how += [f"{plan.group!r} kept together"] if plan.group else []
    return f"rows in parts: {sizes} ({'; '.join(how)})"
