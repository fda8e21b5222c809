"""What is done to a text before the split, and when two texts count as the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from engram.lazy import need


def cleaner(steps: Sequence[Callable[[str], str]], *, strip: bool) -> Callable[[str], str]:
    """Compose the prep steps, in order, and the stripping of white space at both ends, last.

    >>> cleaner([str.lower], strip=True)(" Hello ")
    'hello'
    """

    def clean(text: str) -> str:
        for step in steps:
            text = step(text)
        return text.strip() if strip else text

    return clean


class Repair:
    """Mends texts that were decoded with the wrong encoding, and counts those that changed.

    name: the library that does it, with its version, because another one may mend otherwise. Raises MissingExtra when
    it is not installed.
    """

    def __init__(self) -> None:
        ftfy = need("ftfy", extra="train", why="to repair the encoding of texts (data.clean.repair_encoding)")
        self.name = f"ftfy {ftfy.__version__}"
        self.changed = 0
        self._fix: Callable[[str], str] = ftfy.fix_encoding

    def __call__(self, text: str) -> str:
        """Return the text as it was meant; only its encoding is mended, nothing else.

        >>> Repair()("cafÃ© “menu”")
        'café “menu”'
        """
        if text.isascii():
            return text
        mended = self._fix(text)
        self.changed += mended != text
        return mended


def fold(text: str) -> str:
    """Return what two texts share that a model could not honestly tell apart: casefolded, white space collapsed.

    >>> fold("  Straße  IST zu") == fold("STRASSE ist ZU")
    True
    """
    return " ".join(text.casefold().split())


def digester(seed: int) -> Callable[[str], bytes]:
    """Return a 16-byte digest of text, keyed by the seed: SHA-256 of the seed and the text, truncated.

    It tells texts apart and it is also the seeded shuffle: sorted digests are a random order that depends on the seed
    and the texts, never on the order of the file or on the platform.

    >>> digester(1)("a") != digester(2)("a")
    True
    """
    prefix = f"engram split {seed}\n".encode()
    sha256 = hashlib.sha256

    def digest(text: str) -> bytes:
        return sha256(prefix + text.encode()).digest()[:16]

    return digest
