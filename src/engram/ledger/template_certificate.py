"""Certificates of templates: what a template is made of, signed and entered when it is registered.

The same document as an artifact's certificate (`engram.ledger.certificate`), about one subject: the digest of the
template's parts, which the predicate spells out, so that anybody can make the digest again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.errors import PlatformError
from engram.files import canonical_json, json_digest, sha256_bytes
from engram.ledger.certificate import STATEMENT_TYPE, staple
from engram.ledger.dsse import seal
from engram.ledger.log import Ledger

PREDICATE_TYPE = "urn:engram:template:v1"
SUBJECT_NAME = "urn:engram:template"
ENTRY_TYPE = "template.registered"
# What a template's digest covers: the same parts are the same template, whatever it is called.
PARTS = ("kind", "task", "source", "revision", "datasets", "recipe")


def template_digest(parts: Mapping[str, Any]) -> str:
    """Return the digest of a template: of the canonical JSON of exactly its parts.

    Raises PlatformError for other parts than PARTS.
    """
    if set(parts) != set(PARTS):
        raise PlatformError(f"A template has the parts {', '.join(PARTS)}, not {', '.join(sorted(parts))}.")
    return json_digest(dict(parts))


def certify_template(parts: Mapping[str, Any], template: str, ledger: Ledger, actor: str = "engram") -> bytes:
    """Sign what a template is made of, enter it in the ledger, and return the bytes of its certificate.

    template: its id. Certifying the same template again uses the entry that is there already.
    """
    digest = template_digest(parts)
    statement = canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": SUBJECT_NAME, "digest": {"sha256": digest.removeprefix("sha256:")}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {**parts, "template": template},
        }
    )
    body = {"statement": sha256_bytes(statement), "template": template}
    before = next((one for one in ledger.find(ENTRY_TYPE, digest) if one.body == body), None)
    entry = before or ledger.append(ENTRY_TYPE, digest, body, actor)
    return staple(seal(statement, ledger.signer), ledger, entry)
