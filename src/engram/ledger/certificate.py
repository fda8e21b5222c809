"""Certificates: an in-toto Statement v1 in a DSSE envelope, stapled with its ledger entry and the proof of it.

`certificate.json` is canonical JSON: ``{format, dsse, leaf, leaf_index, proof, checkpoint}``. `leaf` holds the entry's
stored bytes, so that no verifier has to serialise an entry again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.errors import PlatformError, VerificationFailed
from engram.files import canonical_json, read_json, sha256_bytes, write_json
from engram.ledger.dsse import seal, unseal
from engram.ledger.encoding import from_base64, from_canonical_json, to_base64
from engram.ledger.keys import Signer
from engram.ledger.log import Ledger
from engram.schema.entry import Entry
from engram.schema.manifest import Manifest

FORMAT = "engram.certificate/1"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:engram:provenance:v1"
ARTIFACT_NAME = "urn:engram:artifact"
ENTRY_TYPE = "artifact.certified"
MAX_CERTIFICATE_BYTES = 16 << 20


@dataclass(frozen=True)
class Certificate:
    """A certificate, taken apart but not yet believed."""

    dsse: Any
    leaf: bytes
    leaf_index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


def subjects(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the statement's subjects: the artifact as a whole, then every payload file."""
    named = [(ARTIFACT_NAME, manifest.digest), *((file.path, file.digest) for file in manifest.files)]
    return [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}} for name, digest in named]


def build_statement(manifest: Manifest, manifest_bytes: bytes, run: str, predicate: Mapping[str, Any]) -> bytes:
    """Return the statement's bytes; the predicate gains `run` and `manifest` (the digest of `manifest.json`).

    Raises PlatformError when the predicate already says something else about them or can't be serialised.
    """
    own = {"run": run, "manifest": sha256_bytes(manifest_bytes)}
    for name, value in own.items():
        if predicate.get(name, value) != value:
            raise PlatformError(f"The predicate says {name} = {predicate[name]!r}, but it is {value!r}.")
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": subjects(manifest),
        "predicateType": PREDICATE_TYPE,
        "predicate": {**predicate, **own},
    }
    try:
        return canonical_json(statement)
    except (TypeError, ValueError) as error:
        raise PlatformError(f"The certificate's predicate can't be written as JSON: {error}.") from error


def certify(
    *,
    manifest: Manifest,
    manifest_bytes: bytes,
    predicate: Mapping[str, Any],
    run: str,
    ledger: Ledger,
    actor: str = "engram",
    keep: Path | None = None,
) -> bytes:
    """Sign what is known of an artifact, enter it in the ledger, and return the bytes of `certificate.json`.

    Certifying the same statement again uses the entry that is there already. The ledger entry is the point of no
    return: with ``keep`` the signed statement is stored in that file first, so that a run which was killed between the
    entry and the certificate, and now measures another time or cost, staples its first statement and enters none twice.

    Raises PlatformError when the predicate can't be signed.
    """
    signer = ledger.signer
    statement = build_statement(manifest, manifest_bytes, run, predicate)
    envelope = _kept(keep, manifest, manifest_bytes, run, signer) or seal(statement, signer)
    if keep is not None:
        write_json(keep, envelope)
    body = {
        "statement": sha256_bytes(unseal(envelope, signer.key)),
        "manifest": sha256_bytes(manifest_bytes),
        "run": run,
    }
    entry = _entered(ledger, manifest.digest, body) or ledger.append(ENTRY_TYPE, manifest.digest, body, actor)
    return staple(envelope, ledger, entry)


def staple(envelope: Any, ledger: Ledger, entry: Entry) -> bytes:
    """Return the bytes of `certificate.json`: a signed statement with its ledger entry and the proof of it."""
    return canonical_json(
        {
            "format": FORMAT,
            "dsse": envelope,
            "leaf": to_base64(ledger.leaf(entry.index)),
            "leaf_index": entry.index,
            "proof": [to_base64(step) for step in ledger.inclusion_proof(entry.index)],
            "checkpoint": ledger.checkpoint.decode(),
        }
    )


def read_certificate(content: bytes) -> Certificate:
    """Take `certificate.json` apart.

    Raises VerificationFailed unless it is canonical JSON with exactly the known keys.
    """
    try:
        if len(content) > MAX_CERTIFICATE_BYTES:
            raise ValueError(f"it has {len(content)} bytes; at most {MAX_CERTIFICATE_BYTES} are read")
        value = from_canonical_json(content)
        known = {"format", "dsse", "leaf", "leaf_index", "proof", "checkpoint"}
        if not isinstance(value, dict) or set(value) != known:
            raise ValueError(f"expected the keys {', '.join(sorted(known))}")
        if value["format"] != FORMAT:
            raise ValueError(f"the format is {value['format']!r}; expected {FORMAT!r}")
        if type(value["leaf_index"]) is not int:
            raise ValueError("leaf_index must be a whole number")
        return Certificate(
            dsse=value["dsse"],
            leaf=from_base64(value["leaf"]),
            leaf_index=value["leaf_index"],
            proof=tuple(from_base64(step) for step in value["proof"]),
            checkpoint=value["checkpoint"].encode(),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise VerificationFailed(f"The certificate can't be read: {error}.") from error


def _entered(ledger: Ledger, subject: str, body: Mapping[str, Any]) -> Entry | None:
    return next((entry for entry in ledger.find(ENTRY_TYPE, subject) if entry.body == body), None)


def _kept(keep: Path | None, manifest: Manifest, manifest_bytes: bytes, run: str, signer: Signer) -> Any:
    """Return the envelope of an earlier try when it speaks of the same artifact and run, else None."""
    if keep is None or not keep.exists():
        return None
    try:
        envelope = read_json(keep)
        said = from_canonical_json(unseal(envelope, signer.key))
        same = (said["subject"], said["predicate"]["run"], said["predicate"]["manifest"]) == (
            subjects(manifest),
            run,
            sha256_bytes(manifest_bytes),
        )
    except (ValueError, KeyError, TypeError, VerificationFailed):
        return None
    return envelope if same else None
