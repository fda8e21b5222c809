"""DSSE envelopes (secure-systems-lab, protocol v1) with one Ed25519 signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engram.errors import VerificationFailed
from engram.ledger.encoding import from_base64, to_base64
from engram.ledger.keys import Signer, VerifierKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: the bytes that are signed.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: Signer) -> dict[str, Any]:
    """Return the envelope of an in-toto payload, signed; `keyid` is the verifier key's ``name+hash8``."""
    signature = signer.sign(pae(PAYLOAD_TYPE, payload))
    return {
        "payload": to_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": signer.key.id, "sig": to_base64(signature)}],
    }


def unseal(envelope: Any, key: VerifierKey) -> bytes:
    """Return the payload of an envelope.

    Raises VerificationFailed unless it has exactly our shape and one signature, made by ``key``.
    """
    try:
        payload, keyid, signature = _parts(envelope)
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationFailed(f"The DSSE envelope can't be read: {error}.") from error
    given = key
    key, _ = given.find(keyid)
    if keyid != key.id:
        raise VerificationFailed(
            f"It is signed by {keyid!r}; the key given is {given.id!r}.",
            remedy="Give the public key of the home that signed it with --key.",
        )
    if not key.verifies(signature, pae(PAYLOAD_TYPE, payload)):
        raise VerificationFailed(f"The signature by {keyid!r} does not fit the statement.")
    return payload


def _parts(envelope: Any) -> tuple[bytes, str, bytes]:
    if not isinstance(envelope, Mapping) or set(envelope) != {"payload", "payloadType", "signatures"}:
        raise ValueError("expected payload, payloadType and signatures")
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise ValueError(f"expected the payload type {PAYLOAD_TYPE}")
    [signature] = envelope["signatures"]
    if set(signature) != {"keyid", "sig"}:
        raise ValueError("expected a signature with keyid and sig")
    return from_base64(envelope["payload"]), str(signature["keyid"]), from_base64(signature["sig"])
