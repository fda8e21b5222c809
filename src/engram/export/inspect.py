"""The security look at files before they may be published: formats, secrets and licence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from engram import files
from engram.artifacts.formats import asked_for, check_format
from engram.config.licences import research_only
from engram.errors import Refused
from engram.schema.recipe import Source

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


def find_executables(folder: Path, exports: Collection[str] = ()) -> list[str]:
    """Return the files that could run code when opened and that no format of `exports` was asked for, sorted.

    folder: holds a folder for each exported format, as an artifact does.
    """
    return [path for path, refused in _programs(folder, exports) if refused]


def find_executables_on_request(folder: Path, exports: Collection[str]) -> list[str]:
    """Return the files that run code because a format of `exports` was asked for by name, and that are what it says."""
    return [path for path, refused in _programs(folder, exports) if not refused]


def refuse_code(folder: Path, name: str = "") -> None:
    """Look at the folder of one format before anything in it is opened.

    Raises Refused for a file that could run code, unless it is the one that the format called `name` brings.
    """
    for path in _files(folder):
        check_format(f"{name}/{path.relative_to(folder).as_posix()}", path, asked_for([name]))


def digests_of(folder: Path) -> dict[str, str]:
    """Return path in the folder → SHA-256 of each file: what whoever wrote it hands to whoever opens it."""
    return {path.relative_to(folder).as_posix(): files.sha256_file(path) for path in _files(folder)}


def _programs(folder: Path, exports: Collection[str]) -> Iterator[tuple[str, bool]]:
    for file in _files(folder):
        path = file.relative_to(folder).as_posix()
        try:
            if check_format(path, file, asked_for(exports)):
                yield path, False
        except Refused:
            yield path, True


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def find_secrets(folder: Path) -> list[str]:
    """Return ``file: what`` for each secret that stands in a text file."""
    found = []
    for path in (p for p in _files(folder) if p.suffix.lower() in TEXT_SUFFIXES and p.name not in NOT_PROSE):
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
    return [f"{s.path or s.sample or s.hub or s.dataset}: {s.license}" for s in sources if research_only(s.license)]
