"""Verification without network, home or database: each step is one `Check`; the first that fails is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engram.errors import VerificationFailed
from engram.files import json_digest, sha256_bytes
from engram.ledger import template_certificate
from engram.ledger.certificate import (
    ARTIFACT_NAME,
    ENTRY_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    Certificate,
    read_certificate,
)
from engram.ledger.checkpoint import open_checkpoint
from engram.ledger.dsse import unseal
from engram.ledger.encoding import from_canonical_json
from engram.ledger.keys import VerifierKey
from engram.ledger.leaf import decode
from engram.ledger.merkle import Range, Tree, leaf_hash, verify_inclusion
from engram.ledger.scan import ENTRIES, HISTORY, LEAVES, NEWEST, LedgerBroken, check_ends, read_head, scan
from engram.schema.check import Check

CERTIFICATE = "certificate.json"
MANIFEST = "manifest.json"


def verify_certificate(content: bytes, key: VerifierKey, manifest: bytes | None = None) -> Iterator[Check]:
    """Check a certificate, and with ``manifest`` (the bytes of `manifest.json`) that it certifies that manifest.

    Yields one Check a step, in order; ends with the first that fails, because every later step rests on it.
    """
    step = "format"
    try:
        certificate = read_certificate(content)
        yield _ok(step, "canonical, every key known")
        step = "signature"
        payload = unseal(certificate.dsse, key)
        yield _ok(step, f"Ed25519 by {key.id}")
        step = "statement"
        statement = _read_statement(payload)
        yield _ok(step, f"in-toto Statement v1 about {_about(statement)}")
        step = "ledger entry"
        _check_entry(certificate, statement, payload)
        yield _ok(step, f"index {certificate.leaf_index} names this statement")
        step = "checkpoint"
        checkpoint = open_checkpoint(certificate.checkpoint, key)
        yield _ok(step, f"log {checkpoint.origin} at size {checkpoint.size}")
        step = "inclusion proof"
        leaf = leaf_hash(certificate.leaf)
        if not verify_inclusion(leaf, certificate.leaf_index, checkpoint.size, certificate.proof, checkpoint.root):
            raise VerificationFailed(f"Entry {certificate.leaf_index} is not under the checkpoint's root.")
        yield _ok(step, f"entry {certificate.leaf_index} of {checkpoint.size}")
    except VerificationFailed as error:
        yield Check(f"{CERTIFICATE}: {step}", False, str(error))
        return
    if manifest is not None:
        received, expected = sha256_bytes(manifest), statement["predicate"].get("manifest", "no manifest")
        if received == expected:
            yield Check(MANIFEST, True, received)
        else:
            yield Check(MANIFEST, False, f"Its digest is {received}; the certificate was given for {expected}.")


def certified_digests(content: bytes, key: VerifierKey) -> tuple[str, dict[str, str]]:
    """Return what a certificate was given for: the artifact's digest, and path → digest of every payload file.

    Raises VerificationFailed when it is not signed by ``key``.
    """
    statement = _read_statement(unseal(read_certificate(content).dsse, key))
    if _is_about_template(statement):
        raise VerificationFailed("The certificate is a template's, not an artifact's.")
    artifact, *files = ((item["name"], f"sha256:{item['digest']['sha256']}") for item in statement["subject"])
    return artifact[1], dict(files)


def verify_ledger(folder: Path, key: VerifierKey, newer: bytes | None = None) -> Iterator[Check]:
    """Check a ledger folder whole; a failing check names the file and the first index that is wrong.

    newer: a signed checkpoint that the caller holds from elsewhere; the ledger must continue it. Without one, nobody
    can tell a ledger from an old but valid copy of itself.
    """
    before, checks = None, list[Check]()
    while before != (before := _note(folder)):  # again when a writer moved on meanwhile
        checks = list(_ledger_checks(folder, key, newer))
        if all(check.ok for check in checks):
            break
    yield from checks


def _ledger_checks(folder: Path, key: VerifierKey, newer: bytes | None) -> Iterator[Check]:
    try:
        head = read_head(folder, key)
        size = head.checkpoint.size
        yield Check(NEWEST, True, f"{size} entries signed by {key.id}")
        yield Check(HISTORY, True, f"{len(head.promises)} signed checkpoints")
        tree: Tree | Range = Range() if newer is None else Tree()
        starts = scan(folder, head, tree)
        check_ends(folder, head, starts[-1])
        yield Check(ENTRIES, True, f"{size} entries, each under every signed root")
        yield Check(LEAVES, True, f"{size} leaf hashes")
    except LedgerBroken as error:
        yield Check(error.file if error.index is None else f"{error.file}, index {error.index}", False, error.why)
        return
    if newer is not None and isinstance(tree, Tree):
        yield _continues(tree, newer, key)


def _note(folder: Path) -> bytes:
    path = folder / NEWEST
    return path.read_bytes() if path.is_file() else b""


def _continues(tree: Tree, newer: bytes, key: VerifierKey) -> Check:
    name = "the checkpoint that you hold"
    try:
        held = open_checkpoint(newer, key)
    except VerificationFailed as error:
        return Check(name, False, str(error))
    if held.size > tree.size:
        gone = f"{tree.size}..{held.size - 1}" if held.size - 1 > tree.size else f"{tree.size}"
        return Check(
            f"{name}, index {tree.size}", False, f"entries {gone} are gone: the ledger was cut, or an old copy put back"
        )
    if tree.root(held.size) != held.root:
        return Check(
            f"{name}, index 0..{held.size - 1}", False, f"a fork: the first {held.size} entries were signed otherwise"
        )
    return Check(name, True, f"the ledger continues it from {held.size} to {tree.size}")


def _read_statement(payload: bytes) -> dict[str, Any]:
    try:
        statement = from_canonical_json(payload)
        kinds = (statement["_type"], statement["predicateType"])
        if kinds == (STATEMENT_TYPE, template_certificate.PREDICATE_TYPE):
            return _read_template(statement)
        if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise ValueError(f"its types are {kinds}")
        names = [subject["name"] for subject in statement["subject"]]
        digests = [subject["digest"]["sha256"] for subject in statement["subject"]]
        if names[0] != ARTIFACT_NAME or len(set(names)) != len(names) or not all(map(_is_hex_digest, digests)):
            raise ValueError("its subjects are not the artifact and its files, each once, each with a SHA-256")
        if not isinstance(statement["predicate"]["manifest"], str):
            raise ValueError("its predicate names no manifest")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise VerificationFailed(f"The signed statement is not one of Engram's: {error}.") from error
    return dict(statement)


def _read_template(statement: Any) -> dict[str, Any]:
    """Return the statement about a template, whose one subject is the digest of the parts that it names."""
    [subject] = statement["subject"]
    parts = {name: value for name, value in statement["predicate"].items() if name != "template"}
    named = {
        "name": template_certificate.SUBJECT_NAME,
        "digest": {"sha256": json_digest(parts).removeprefix("sha256:")},
    }
    if set(parts) != set(template_certificate.PARTS) or not isinstance(statement["predicate"]["template"], str):
        raise ValueError("its predicate does not name the parts of a template and its id")
    if subject != named:
        raise ValueError("its subject is not the digest of the parts that it names")
    return dict(statement)


def _is_about_template(statement: Mapping[str, Any]) -> bool:
    return bool(statement["predicateType"] == template_certificate.PREDICATE_TYPE)


def _about(statement: dict[str, Any]) -> str:
    if _is_about_template(statement):
        return f"the template {statement['predicate']['template']}"
    return f"{len(statement['subject']) - 1} files, run {_run(statement)}"


def _check_entry(certificate: Certificate, statement: dict[str, Any], payload: bytes) -> None:
    try:
        entry = decode(certificate.leaf)
    except ValueError as error:
        raise VerificationFailed(f"The leaf is not a ledger entry: {error}.") from error
    predicate = statement["predicate"]
    if _is_about_template(statement):
        kind, more = template_certificate.ENTRY_TYPE, {"template": predicate["template"]}
    else:
        kind, more = ENTRY_TYPE, {"manifest": predicate["manifest"], "run": predicate.get("run")}
    expected = {
        "index": certificate.leaf_index,
        "type": kind,
        "subject": f"sha256:{statement['subject'][0]['digest']['sha256']}",
        "body": {"statement": sha256_bytes(payload), **more},
    }
    for name, value in expected.items():
        if getattr(entry, name) != value:
            raise VerificationFailed(f"The entry's {name} is {getattr(entry, name)!r}; the statement needs {value!r}.")


def _is_hex_digest(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")


def _run(statement: dict[str, Any]) -> str:
    return str(statement["predicate"].get("run"))


def _ok(step: str, detail: str) -> Check:
    return Check(f"{CERTIFICATE}: {step}", True, detail)
