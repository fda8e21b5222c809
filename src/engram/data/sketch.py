"""A small record of each text by which two texts can be compared later: hashes of its pairs of neighbouring words."""

from __future__ import annotations

import unicodedata
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Hashes = NDArray[np.uint32]
    Wide = NDArray[np.uint64]

# A text of more pairs keeps the smallest hashes: a bottom-k sketch (Cohen and Kaplan 2007), which is a MinHash drawn
# without repetition.
MOST = 128
BATCH_WORDS = 1 << 16
_BEGIN, _END = 1, 2
# Scripts that write no spaces; each of their letters counts as a word.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


class _Signs(dict[int, str]):
    """What replaces a character before words are cut: punctuation goes, symbols and unspaced letters stand alone."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        kind = unicodedata.category(sign)
        alone = kind[0] == "S" or (kind[0] in "LM" and unicodedata.name(sign, "").startswith(_UNSPACED))
        self[code] = found = " " if kind[0] in "PCZ" else f" {sign} " if alone else sign
        return found


_SIGNS = _Signs()


def words_of(folded: str) -> list[str]:
    """Return the words by which a folded text is compared; punctuation counts only where there is nothing else.

    >>> words_of("it's 5 €, or so…"), words_of("東京 tower"), words_of("?!")
    (['it', 's', '5', '€', 'or', 'so'], ['東', '京', 'tower'], ['?!'])
    """
    return folded.translate(_SIGNS).split() or [folded]


@dataclass(frozen=True)
class Sketches:
    """The sketches of n texts, one after the other.

    hashes: those of text i are ``hashes[starts[i]:starts[i + 1]]``, rising. starts: shape (n + 1,).
    """

    hashes: Hashes
    starts: Ints

    def of(self, texts: Ints) -> Sketches:
        """Return the sketches of some of the texts, in the order given."""
        import numpy as np

        sizes = np.diff(self.starts)[texts]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[texts] - starts[:-1], sizes)
        return Sketches(self.hashes[places], starts)


class Sketcher:
    """Makes sketches, text by text, in about four bytes a word and never more than 512 a text."""

    def __init__(self) -> None:
        self._words = array("I")
        self._sizes = array("I")
        self._hashes = bytearray()
        self._kept = bytearray()

    def add(self, folded: str) -> None:
        """Take one folded text."""
        words = words_of(folded)
        self._words.append(_BEGIN)
        self._words.extend(map(crc32, map(str.encode, words)))
        self._words.append(_END)
        self._sizes.append(len(words) + 2)
        if len(self._words) >= BATCH_WORDS:
            self._flush()

    def done(self) -> Sketches:
        """Return the sketches of all texts, and begin anew."""
        import numpy as np

        self._flush()
        hashes = np.frombuffer(bytes(self._hashes), dtype=np.uint32)
        starts = np.concatenate([[0], np.cumsum(np.frombuffer(bytes(self._kept), dtype=np.uint8), dtype=np.int64)])
        self._hashes, self._kept = bytearray(), bytearray()
        return Sketches(hashes, starts)

    def _flush(self) -> None:
        import numpy as np

        if not self._sizes:
            return
        words = np.array(self._words, dtype=np.uint64)
        row = np.repeat(np.arange(len(self._sizes), dtype=np.uint64), np.array(self._sizes))
        pairs = _mix(words[:-1] * np.uint64(0x9E3779B97F4A7C15) ^ _mix(words[1:]))
        inside = row[:-1] == row[1:]
        found = _numbered(row[:-1][inside], pairs[inside])
        rows, hashes = found >> np.uint64(32), found.astype(np.uint32)
        first = np.searchsorted(rows, np.arange(len(self._sizes), dtype=np.uint64))
        keep = np.arange(len(rows)) - first[rows.astype(np.int64)] < MOST
        self._hashes += hashes[keep].tobytes()
        self._kept += np.bincount(rows[keep].astype(np.int64), minlength=len(self._sizes)).astype(np.uint8).tobytes()
        self._words, self._sizes = array("I"), array("I")


def _numbered(row: Wide, pairs: Wide) -> Wide:
    """Return ``row << 32 | hash``, sorted, where a pair that stands in a row again gets a hash of its own."""
    import numpy as np

    keys = np.sort(row << np.uint64(44) | pairs >> np.uint64(20))
    fresh = np.r_[True, keys[1:] != keys[:-1]]
    places = np.arange(len(keys))
    again = (places - np.maximum.accumulate(np.where(fresh, places, 0))).astype(np.uint64)
    hashes = _mix((keys & np.uint64((1 << 44) - 1)) + (again << np.uint64(44)))
    return np.unique((keys >> np.uint64(44)) << np.uint64(32) | hashes >> np.uint64(32))


def _mix(x: Wide) -> Wide:
    """Scatter 64-bit numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    import numpy as np

    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)
