"""Dealing rows to train, valid and test: seeded, stratified, and never cutting a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


def deal(unit: Ints, stratum: Ints, shares: Sequence[float]) -> Ints:
    """Return the part of each row, shape (n,), an index into `shares`.

    unit: rows with one number stay together; its order is the seeded shuffle, shape (n,). stratum: what keeps its
    proportions in every part, shape (n,), from 0. shares: proportions, which add up to 1.

    Units of several rows are placed first, the largest first, each where it brings the parts nearest to their targets
    (greedy, as StratifiedGroupKFold does). Single rows then fill what is missing: in each stratum every part gets its
    share rounded down, and the rows left over go where the parts are behind. A stratum with fewer rows than parts goes
    to the first part whole: its rows can be learned or measured, not both.
    """
    import numpy as np

    shares = list(shares)
    open_parts = [place for place, share in enumerate(shares) if share > 0]
    sizes = np.bincount(stratum)
    target = [
        [size * share for share in shares] if size >= len(open_parts) else _all_first(float(size), len(shares))
        for size in sizes.tolist()
    ]
    part = np.zeros(len(unit), dtype=np.int64)
    rows = np.lexsort((stratum, unit))
    starts = np.flatnonzero(np.r_[True, unit[rows][1:] != unit[rows][:-1]])
    counts = np.diff(np.r_[starts, len(rows)])
    have = _place_groups(part, rows, starts, counts, stratum, target, open_parts)
    singles = rows[starts[counts == 1]]
    singles = singles[np.argsort(stratum[singles], kind="stable")]
    behind = [0.0] * len(shares)
    at = 0
    for kind, size in enumerate(np.bincount(stratum[singles], minlength=len(sizes)).tolist()):
        wanted = [max(0.0, due - got) for due, got in zip(target[kind], have[kind], strict=True)]
        scale = size / sum(wanted) if size else 0.0
        for place, share in enumerate(apportion([want * scale for want in wanted], size, behind)):
            part[singles[at : at + share]] = place
            at += share
    return part


def apportion(wanted: Sequence[float], rows: int, behind: list[float]) -> list[int]:
    """Round numbers that add up to `rows` so that they still do; each moves by less than 1.

    behind: how far each part is behind its target so far; it decides who is rounded up, and is brought up to date, so
    that many small strata don't round the same way.

    >>> behind = [0.0, 0.0, 0.0]
    >>> [apportion([5.6, 0.7, 0.7], 7, behind) for _ in range(3)]
    [[5, 1, 1], [6, 1, 0], [6, 0, 1]]
    """
    given = [int(want + 1e-9) for want in wanted]
    behind[:] = [late + want - got for late, want, got in zip(behind, wanted, given, strict=True)]
    broken = [place for place, want in enumerate(wanted) if want - given[place] > 1e-9]
    for place in sorted(broken, key=lambda place: (-round(behind[place], 9), place))[: rows - sum(given)]:
        given[place] += 1
        behind[place] -= 1
    return given


def _all_first(size: float, parts: int) -> list[float]:
    return [size] + [0.0] * (parts - 1)


def _place_groups(
    part: Ints,
    rows: Ints,
    starts: Ints,
    counts: Ints,
    stratum: Ints,
    target: list[list[float]],
    open_parts: list[int],
) -> list[list[float]]:
    """Place every unit of several rows; return how many rows of each stratum each part has now."""
    import numpy as np

    have = [[0.0] * len(line) for line in target]
    sizes = [max(1.0, sum(line)) for line in target]
    total = [sum(column) for column in zip(*target, strict=True)]
    held = [0.0] * len(total)
    units_left = len(starts)
    groups = np.flatnonzero(counts > 1)
    for group in groups[np.argsort(-counts[groups], kind="stable")].tolist():
        members = rows[starts[group] : starts[group] + counts[group]]
        kinds = np.unique(stratum[members], return_counts=True)
        inside = list(zip(kinds[0].tolist(), kinds[1].tolist(), strict=True))
        size = len(members)

        def cost(place: int, inside: list[tuple[int, int]] = inside, size: int = size) -> float:
            """How much the squared distance to the targets grows, of each stratum and of the whole."""
            whole: float = size * (size + 2 * (held[place] - total[place])) / len(rows)
            each = (n * (n + 2 * (have[kind][place] - target[kind][place])) / sizes[kind] for kind, n in inside)
            return whole + sum(each)

        empty = [place for place in open_parts if not held[place]]
        # When only as many units are left as there are empty parts, each must get one.
        best = min(empty if empty and units_left <= len(empty) else open_parts, key=lambda place: (cost(place), place))
        part[members] = best
        held[best] += size
        for kind, n in inside:
            have[kind][best] += n
        units_left -= 1
    return have
