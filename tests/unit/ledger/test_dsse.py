"""Our DSSE envelopes and in-toto statements are those that other people's libraries read and write."""

from __future__ import annotations

import base64
import copy
import json

import pytest
from certified import make_signer
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from engram.errors import PlatformError, VerificationFailed
from engram.ledger.certificate import build_statement
from engram.ledger.dsse import PAYLOAD_TYPE, pae, seal, unseal
from engram.ledger.encoding import from_base64, to_base64
from engram.schema.manifest import FileEntry, Manifest

SIGNER = make_signer()
DIGEST = "sha256:" + "ab" * 32
MANIFEST = Manifest(DIGEST, (FileEntry("a/model.safetensors", 3, "sha256:" + "cd" * 32),), {})


def their_key() -> SSlibKey:
    """Return our public key as securesystemslib knows it."""
    return SSlibKey(SIGNER.key.id, "ed25519", "ed25519", {"public": SIGNER.key.public.hex()})


@given(st.text(max_size=40), st.binary(max_size=200))
def test_the_signed_bytes_are_those_of_securesystemslib(kind: str, payload: bytes):
    assert pae(kind, payload) == Envelope(payload, kind, {}).pae()


@given(st.binary(max_size=200))
def test_securesystemslib_accepts_our_envelopes(payload: bytes):
    envelope = Envelope.from_dict(copy.deepcopy(seal(payload, SIGNER)))
    assert envelope.payload == payload
    assert list(envelope.verify([their_key()], 1)) == [SIGNER.key.id]
    assert unseal(seal(payload, SIGNER), SIGNER.key) == payload


def test_in_toto_accepts_our_statements():
    payload = build_statement(MANIFEST, b"manifest", "r_1", {"recipe": DIGEST, "accuracy": 0.9})
    message = json_format.Parse(payload, StatementMessage())
    statement = Statement.copy_from_pb(message)
    statement.validate()
    assert {s.name: s.digest["sha256"] for s in statement.pb.subject} == {
        "urn:engram:artifact": "ab" * 32,
        "a/model.safetensors": "cd" * 32,
    }
    assert json.loads(payload) == json_format.MessageToDict(statement.pb)


@pytest.mark.parametrize("predicate", [{"run": "r_2"}, {"manifest": DIGEST}, {"x": float("nan")}, {"x": object()}])
def test_a_predicate_that_lies_or_cannot_be_written_is_refused(predicate: dict):
    with pytest.raises(PlatformError, match="predicate"):
        build_statement(MANIFEST, b"manifest", "r_1", predicate)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(extra=1),
        lambda e: e.pop("payloadType"),
        lambda e: e.update(payloadType="text/plain"),
        lambda e: e["signatures"].append(e["signatures"][0]),
        lambda e: e["signatures"].clear(),
        lambda e: e["signatures"][0].update(cert="x"),
        lambda e: e["signatures"][0].pop("keyid"),
        lambda e: e.update(payload=e["payload"] + "\n"),
        lambda e: e.update(payload=7),
        lambda e: e.update(payload=base64.urlsafe_b64encode(b"\xff\xff\xff").decode()),
        lambda e: e.update(signatures=None),
        lambda e: e.update(signatures=["x"]),
    ],
)
def test_an_envelope_of_another_shape_is_refused(change):
    envelope = seal(b"payload", SIGNER)
    change(envelope)
    with pytest.raises(VerificationFailed, match="can't be read"):
        unseal(envelope, SIGNER.key)


def test_a_signature_over_another_type_or_payload_is_refused():
    envelope = seal(b"payload", SIGNER)
    for message in (pae("text/plain", b"payload"), pae(PAYLOAD_TYPE, b"payloaD"), b"payload"):
        envelope["signatures"][0]["sig"] = to_base64(SIGNER.sign(message))
        with pytest.raises(VerificationFailed, match="does not fit"):
            unseal(envelope, SIGNER.key)


def test_another_key_is_named():
    with pytest.raises(VerificationFailed) as caught:
        unseal(seal(b"payload", SIGNER), make_signer(2).key)
    assert SIGNER.key.id in str(caught.value) and make_signer(2).key.id in str(caught.value)


@given(st.binary(max_size=64))
def test_base64_has_one_spelling(content: bytes):
    assert from_base64(to_base64(content)) == content
    for other in (to_base64(content) + "=", to_base64(content) + "\n", " " + to_base64(content)):
        with pytest.raises(ValueError, match="base64"):
            from_base64(other)
