"""The security look at files before they may be published: formats, secrets and licence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from engram.config.licences import research_only
from engram.schema.recipe import Source

# Formats that can run code when they are opened.
EXECUTABLE_SUFFIXES = frozenset(
    (
        *(".pt", ".pth", ".bin", ".pkl", ".pickle", ".joblib", ".ckpt"),
        *(".dll", ".so", ".dylib", ".exe", ".sh", ".bat", ".py"),
    )
)
EXECUTABLE_STARTS = (b"\x7fELF", b"MZ", b"#!", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
TEXT_SUFFIXES = frozenset({".json", ".md", ".txt", ".yaml", ".yml", ".jsonl", ".csv"})
SECRETS: Mapping[str, re.Pattern[str]] = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "hub token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "API key": re.compile(r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)[-_][A-Za-z0-9_-]{16,}\b"),
    "source forge token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
    "JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
}
# A vocabulary or tokenizer lists word pieces: megabytes in which no secret can be told from a token.
NOT_PROSE = frozenset({"tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"})


def find_executables(folder: Path) -> list[str]:
    """Return the files that could run code when opened, by suffix or by their first bytes."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as stream:
            head = stream.read(4)
        starts_badly = head.startswith(EXECUTABLE_STARTS) and not _is_safetensors(path)
        if path.suffix.lower() in EXECUTABLE_SUFFIXES or starts_badly:
            found.append(path.relative_to(folder).as_posix())
    return found


def _is_safetensors(path: Path) -> bool:
    """Tell whether a file begins as safetensors do: the header's length, whose bytes may look like anything, and it."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > path.stat().st_size - 8:
            return False
        try:
            return isinstance(json.loads(stream.read(length)), dict)
        except ValueError:
            return False


def find_secrets(folder: Path) -> list[str]:
    """Return ``file: what`` for each secret that stands in a text file."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in TEXT_SUFFIXES and p.name not in NOT_PROSE):
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{path.relative_to(folder).as_posix()}: {what}" for what, look in SECRETS.items() if look.search(text)
        ]
    return found


def find_forbidden_licenses(sources: Sequence[Source], use: str) -> list[str]:
    """Return the sources whose licence forbids the recipe's use.

    >>> find_forbidden_licenses([Source(path="a.csv", license="cc-by-nc-4.0")], "commercial")
    ['a.csv: cc-by-nc-4.0']
    >>> find_forbidden_licenses([Source(path="a.csv", license="cc-by-nc-4.0")], "research")
    []
    """
    if use != "commercial":
        return []
    return [f"{s.path or s.sample}: {s.license}" for s in sources if research_only(s.license)]
