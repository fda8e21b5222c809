"""`engram verify PATH`: is this artifact, certificate or ledger what was signed? Offline; each check is a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engram.artifacts.check import check_payload
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import opened
from engram.artifacts.paths import CERTIFICATE, MANIFEST
from engram.cli import output
from engram.errors import NotFound, UsageError
from engram.ledger.keys import PUBLIC_FILE, VerifierKey, load_vkey, parse_vkey
from engram.ledger.scan import ENTRIES, LEAVES, NEWEST
from engram.ledger.verify import certified_digests, verify_certificate, verify_ledger
from engram.schema.check import Check
from engram.settings import load_settings

MAX_FILE_BYTES = 64 << 20


def verify(
    path: Annotated[Path, typer.Argument(help="An artifact's folder, a certificate.json, or a ledger's folder.")],
    key: Annotated[
        str, typer.Option("--key", help="The signer's ledger.pub, or its one line; default: the key of this home.")
    ] = "",
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A signed checkpoint that you hold: the ledger must continue it."),
    ] = None,
    json: output.Json = False,
) -> int:
    """Verify an artifact, certificate or ledger offline; ends VERIFIED or names the first thing that is wrong."""
    signer, whose = choose_key(key)
    output.say(f"key {signer.id} ({whose})", "dim")
    checks = []
    for check in checks_of(path, signer, checkpoint):
        checks.append(check)
        _show(check)
    return conclude(str(path), signer, checks)


def checks_of(path: Path, key: VerifierKey, checkpoint: Path | None = None) -> Iterator[Check]:
    """Yield every check of what lies at ``path``.

    Raises NotFound when nothing does, and UsageError when it is nothing that can be verified.
    """
    if not path.exists():
        raise NotFound(
            f"There is nothing at {path}.", remedy="Give an artifact's folder, certificate or ledger folder."
        )
    if path.is_dir() and any((path / name).exists() for name in (NEWEST, ENTRIES, LEAVES)):
        yield from verify_ledger(path, key, None if checkpoint is None else _read(checkpoint))
        return
    if checkpoint is not None:
        raise UsageError("--checkpoint goes with a ledger's folder only.")
    if path.is_file():
        yield from verify_certificate(_read(path), key)
    elif any((path / name).exists() for name in (CERTIFICATE, MANIFEST)):
        yield from verify_artifact(path, key)
    else:
        raise UsageError(
            f"{path} holds no {CERTIFICATE}, {MANIFEST} or {NEWEST}.",
            remedy="Give an artifact's folder, a certificate.json, or a ledger's folder.",
        )


def verify_artifact(folder: Path, key: VerifierKey) -> Iterator[Check]:
    """Yield every check of an artifact's folder: its certificate, then its manifest, then each file."""
    for name in (CERTIFICATE, MANIFEST):
        if not (folder / name).is_file() or (folder / name).is_symlink():
            yield Check(name, False, "The file is missing, or not a plain file.")
            return
    certificate, manifest = _read(folder / CERTIFICATE), _read(folder / MANIFEST)
    for check in verify_certificate(certificate, key, manifest):
        yield check
        if not check.ok:
            return
    with opened(folder, HomeKeys(load_settings().home)) as plain:
        yield from check_payload(plain, manifest, certified_digests(certificate, key))


def choose_key(given: str) -> tuple[VerifierKey, str]:
    """Return the key to verify with and, in words, where it comes from.

    Raises NotFound when there is no such file, and VerificationFailed when it is no verifier key.
    """
    if not given:
        place = load_settings().home / "keys" / PUBLIC_FILE
        if not place.exists():
            raise NotFound(f"This home has no public key ({place}).", remedy="Name the signer's ledger.pub with --key.")
        return load_vkey(place), f"of this home, {place}"
    if "+" in given and not Path(given).exists():
        return parse_vkey(given), "as given"
    return load_vkey(Path(given)), f"from {given}"


def conclude(path: str, key: VerifierKey, checks: list[Check]) -> int:
    """Print the conclusion, VERIFIED or the first check that failed, and return the exit code."""
    failed = next((check for check in checks if not check.ok), None)
    document = {
        "format": "engram.verification/1",
        "path": path,
        "key": key.id,
        "verified": failed is None,
        "first_failure": None if failed is None else asdict(failed),
        "checks": [asdict(check) for check in checks],
    }
    if failed is None:
        output.emit(document, output.style("VERIFIED", "bold", "green"))
        return 0
    output.emit(document, output.style(f"FAILED: {printable(failed.name)}: {printable(failed.detail)}", "bold", "red"))
    return 1


def printable(text: str) -> str:
    """Return a text from a foreign file so that it can't steer the terminal.

    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _show(check: Check) -> None:
    word, colour = ("ok", "green") if check.ok else ("WRONG", "red")
    output.say(f"{output.style(word.ljust(5), colour)}  {printable(check.name)}  {printable(check.detail)}".rstrip())


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path} is no certificate, manifest or checkpoint: it is longer than {MAX_FILE_BYTES} bytes.")
    return content
