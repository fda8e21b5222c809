"""Which texts are near each other: the Jaccard similarity of their pairs of neighbouring words reaches a threshold.

Every such pair of texts is found, not only most of them: candidates come by prefix filtering (Chaudhuri, Ganti and
Kaushik 2006; Bayardo, Ma and Srikant 2007). A text of c pairs of words that is near another shares at least t·c of them
with it, so the two share one among the c − ⌈t·c⌉ + 1 that are rarest in the data; these few are looked up, and what is
found is compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.data.sketch import MOST, Sketches
from engram.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Hashes = NDArray[np.uint32]
    Bools = NDArray[np.bool_]

# A pair of words that stands in more of the texts than this is a turn of phrase or an instruction that rows share.
COMMON_SHARE = 0.1
COMMON_LEAST = 20
CANDIDATES_PER_TEXT = 300
CANDIDATES_LEAST = 10_000_000
CHUNK_PAIRS = 1 << 13
_SLACK = 1e-9


@dataclass(frozen=True)
class Near:
    """When two texts are near: both Jaccard similarities reach the threshold, that of all pairs of words and that of
    the pairs that are not `common`.

    Without the second one, short texts after one long instruction would all be near each other. A text all of whose
    pairs are common is near no other. Texts of fewer than MOST pairs are compared exactly; for longer ones the
    similarity is estimated from MOST of them, with a standard error of at most 0.045 (0.035 at 0.8).
    """

    threshold: float
    common: Hashes


def learn(sketches: Sketches, threshold: float) -> Near:
    """Return when texts of this data are near each other; sketches: one for each different text."""
    import numpy as np

    hashes, counts = np.unique(sketches.hashes, return_counts=True)
    most = max(COMMON_LEAST, COMMON_SHARE * (len(sketches.starts) - 1))
    return Near(threshold, hashes[counts > most])


def near_pairs(sketches: Sketches, near: Near) -> tuple[Ints, Ints]:
    """Return all pairs of texts that are near, as two arrays of equal length; the first of a pair is the lower one.

    Time and memory grow with the texts and with how many share their rarest words. Raises DataError where more
    candidates would have to be compared than CANDIDATES_PER_TEXT for each text.
    """
    import numpy as np

    own = ~np.isin(sketches.hashes, near.common)
    found = [np.zeros(0, dtype=np.int64)]
    for one, other in _candidates(sketches, own, near.threshold):
        found.append(np.unique(np.minimum(one, other) << 32 | np.maximum(one, other)))
    pairs = np.unique(np.concatenate(found))
    one, other = pairs >> 32, pairs & 0xFFFFFFFF
    kept = np.zeros(len(pairs), dtype=bool)
    for at in range(0, len(pairs), CHUNK_PAIRS):
        chunk = slice(at, at + CHUNK_PAIRS)
        kept[chunk] = _compare(sketches, own, one[chunk], other[chunk], near.threshold)
    return one[kept], other[kept]


def _candidates(sketches: Sketches, own: Bools, threshold: float) -> Iterator[tuple[Ints, Ints]]:
    """Yield texts that share one of their rarest pairs of words, without most of those that can't be near."""
    import numpy as np

    hashes, texts = _rarest(sketches, own, threshold)
    starts = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]]) if len(hashes) else np.zeros(0, dtype=np.int64)
    sizes = np.diff(np.r_[starts, len(hashes)])
    total = int((sizes * (sizes - 1) // 2).sum())
    if total > max(CANDIDATES_LEAST, CANDIDATES_PER_TEXT * (len(sketches.starts) - 1)):
        raise DataError(
            f"the texts have too few different words to look for near duplicates: {total:,} pairs to compare.",
            remedy="Write clean: {deduplicate: exact}, or raise clean.near_threshold.",
        )
    may = _filter(sketches, threshold)
    ends = np.repeat(starts + sizes, sizes)
    left = np.flatnonzero(np.arange(len(hashes)) + 1 < ends)
    step = 1
    while len(left):
        one, other = texts[left], texts[left + step]
        good = may(one, other)
        if good.any():
            yield one[good], other[good]
        step += 1
        left = left[left + step < ends[left]]


def _rarest(sketches: Sketches, own: Bools, threshold: float) -> tuple[Ints, Ints]:
    """Return the prefixes of all texts as (number of a hash, text), sorted by that number."""
    import numpy as np

    size = np.diff(sketches.starts)
    distinct, counts = np.unique(sketches.hashes[own], return_counts=True)
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.lexsort((distinct, counts))] = np.arange(len(distinct))
    keys = np.repeat(np.arange(len(size)) << 32, size)[own]
    keys |= rank[np.searchsorted(distinct, sketches.hashes[own])]
    keys.sort()
    text, ranked = keys >> 32, keys & 0xFFFFFFFF
    del keys
    count = np.bincount(text, minlength=len(size))
    # Of a sketch that may be cut, or meet one that is, only that is sure: it shares threshold · size of all its pairs.
    cut = size >= threshold * MOST
    shared = np.where(cut, threshold * size - (size - count), threshold * count)
    prefix = count - np.maximum(1, np.ceil(shared - _SLACK)) + 1
    first = np.r_[0, np.cumsum(count)[:-1]] if len(count) else count
    short = np.arange(len(text)) - first[text] < prefix[text]
    text, ranked = text[short], ranked[short]
    order = np.argsort(ranked, kind="stable")
    return ranked[order], text[order]


def _filter(sketches: Sketches, threshold: float) -> Callable[[Ints, Ints], Bools]:
    """Return a quick test that refuses only pairs that can't be near: by 256 bits, each the parity of some hashes.

    Two sets differ in at least as many elements as their parities differ in bits.
    """
    import numpy as np

    size = np.diff(sketches.starts)
    bits = np.uint64(1) << (sketches.hashes & np.uint32(63)).astype(np.uint64)
    word = (sketches.hashes >> np.uint32(6)) & np.uint32(3)
    parity = np.stack(
        [np.bitwise_xor.reduceat(np.where(word == w, bits, np.uint64(0)), sketches.starts[:-1]) for w in range(4)],
        axis=1,
    )
    share = (1 - threshold) / (1 + threshold)

    def may(one: Ints, other: Ints) -> Bools:
        differ = np.bitwise_count(parity[one] ^ parity[other]).sum(axis=1)
        cut = np.maximum(size[one], size[other]) >= MOST
        result: Bools = cut | (differ <= (size[one] + size[other]) * share + _SLACK)
        return result

    return may


def _compare(sketches: Sketches, own: Bools, one: Ints, other: Ints, threshold: float) -> Bools:
    """Return for each pair of texts whether it is near."""
    import numpy as np

    (pair, place), (pair2, place2) = _spread(sketches.starts, one), _spread(sketches.starts, other)
    # Of two sketches that were cut at different hashes only the range that both cover can be compared.
    reach = np.minimum(_reach(sketches, one), _reach(sketches, other))
    left, right = sketches.hashes[place], sketches.hashes[place2]
    keep, keep2 = left <= reach[pair], right <= reach[pair2]
    pair, place, left = pair[keep], place[keep], left[keep]
    pair2, place2, right = pair2[keep2], place2[keep2], right[keep2]
    both = np.isin(pair << 32 | left, pair2 << 32 | right)

    def count(pairs: Ints) -> Ints:
        return np.bincount(pairs, minlength=len(one))

    def alike(shared: Ints, total: Ints) -> Bools:
        result: Bools = shared * (1 + threshold) >= total * threshold - _SLACK
        return result

    shared = count(pair[both & own[place]])
    total = count(pair[own[place]]) + count(pair2[own[place2]])
    result: Bools = (shared > 0) & alike(shared, total) & alike(count(pair[both]), count(pair) + count(pair2))
    return result


def _spread(starts: Ints, texts: Ints) -> tuple[Ints, Ints]:
    """Return for each hash of some texts the number of the text among them, and the place of the hash."""
    import numpy as np

    sizes = starts[texts + 1] - starts[texts]
    number = np.repeat(np.arange(len(texts)), sizes)
    return number, np.arange(len(number)) + np.repeat(starts[texts] - np.cumsum(sizes) + sizes, sizes)


def _reach(sketches: Sketches, texts: Ints) -> Ints:
    """Return the greatest hash that each sketch would hold: its last one where it is cut."""
    import numpy as np

    ends = sketches.starts[texts + 1]
    last = sketches.hashes[ends - 1].astype(np.int64)
    result: Ints = np.where(ends - sketches.starts[texts] >= MOST, last, 0xFFFFFFFF)
    return result
