"""The signing key is made once, kept private, and its loss is told in words."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest
from certified import make_ledger, make_signer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import EngramError, NotFound, VerificationFailed
from engram.ledger.keys import load_or_create_signer, load_vkey, parse_vkey

posix = pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")


def test_first_use_makes_a_key_and_later_uses_find_it(tmp_path: Path):
    first = load_or_create_signer(tmp_path / "keys")
    assert load_or_create_signer(tmp_path / "keys").key == first.key == load_vkey(tmp_path / "keys" / "ledger.pub")
    assert first.key.verifies(first.sign(b"text"), b"text")
    assert not first.key.verifies(first.sign(b"text"), b"text!")
    assert "_private" not in repr(first)


@posix
def test_only_the_owner_can_read_the_private_key(tmp_path: Path):
    load_or_create_signer(tmp_path / "keys")
    assert (tmp_path / "keys" / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int):
    load_or_create_signer(tmp_path)
    (tmp_path / "ledger.key").chmod(mode)
    with pytest.raises(VerificationFailed, match=r"others can read the signing key.*chmod 600"):
        load_or_create_signer(tmp_path)


def test_the_verifier_key_is_the_one_that_the_signed_note_specification_describes():
    key = make_signer().key
    name, hash8, encoded = key.vkey.split("+", 2)
    assert base64.b64decode(encoded) == b"\x01" + key.public
    assert hash8 == hashlib.sha256(name.encode() + b"\n\x01" + key.public).hexdigest()[:8]


@pytest.mark.parametrize(
    "line",
    [
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_verifier_keys_that_others_published_are_read(line: str):
    key = parse_vkey(line)
    assert key.vkey == line


def test_a_note_that_others_signed_verifies():
    """The example in the documentation of Go's package note."""
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    blob = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert blob[:4] == key.hash
    assert key.verifies(blob[4:], text)


def test_a_lost_private_key_says_what_is_lost(tmp_path: Path):
    load_or_create_signer(tmp_path)
    (tmp_path / "ledger.key").unlink()
    with pytest.raises(VerificationFailed, match=r"ledger\.key is lost.*Old certificates still verify"):
        load_or_create_signer(tmp_path)
    assert not (tmp_path / "ledger.key").exists()


def test_a_home_that_has_signed_never_gets_a_second_key(tmp_path: Path):
    make_ledger(tmp_path / "ledger", 1)
    with pytest.raises(VerificationFailed, match="has signed"):
        load_or_create_signer(tmp_path / "keys")


def test_a_lost_public_key_is_written_again(tmp_path: Path):
    key = load_or_create_signer(tmp_path).key
    (tmp_path / "ledger.pub").unlink()
    assert load_or_create_signer(tmp_path).key == key == load_vkey(tmp_path / "ledger.pub")


def test_keys_that_do_not_belong_together_are_refused(tmp_path: Path):
    load_or_create_signer(tmp_path)
    (tmp_path / "ledger.pub").write_text(make_signer().key.vkey + "\n")
    with pytest.raises(VerificationFailed, match="do not belong together"):
        load_or_create_signer(tmp_path)


def test_a_damaged_or_foreign_private_key_is_refused(tmp_path: Path):
    load_or_create_signer(tmp_path)
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (b"", b"no key", other):
        (tmp_path / "ledger.key").write_bytes(content)
        with pytest.raises(VerificationFailed, match="not an Ed25519 private key"):
            load_or_create_signer(tmp_path)


def test_a_missing_public_key_is_not_found(tmp_path: Path):
    with pytest.raises(NotFound, match=r"ledger\.pub"):
        load_vkey(tmp_path / "ledger.pub")


@given(st.data())
def test_no_other_line_is_a_verifier_key(data: st.DataObject):
    line = make_signer().key.vkey
    at = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.characters(exclude_characters=line[at]))
    with pytest.raises(VerificationFailed):
        parse_vkey(line[:at] + other + line[at + 1 :])


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str):
    with pytest.raises(EngramError, match="verifier key"):
        parse_vkey(text)
