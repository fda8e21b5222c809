"""A signed checkpoint has one spelling, and no byte of it can change unseen."""

from __future__ import annotations

import pytest
from certified import make_signer
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import VerificationFailed
from engram.ledger.checkpoint import open_checkpoint, sign_checkpoint
from engram.ledger.encoding import from_base64, to_base64

SIGNER = make_signer()
ROOT = bytes(range(32))
NOTE = sign_checkpoint(7, ROOT, SIGNER)


@given(st.integers(0, 10**18), st.binary(min_size=32, max_size=32))
def test_what_was_signed_is_read_back(size: int, root: bytes):
    checkpoint = open_checkpoint(sign_checkpoint(size, root, SIGNER), SIGNER.key)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (SIGNER.key.name, size, root)


def test_the_note_is_written_as_c2sp_has_it():
    text, signature = NOTE.split(b"\n\n")
    assert text.decode().split("\n") == [SIGNER.key.name, "7", to_base64(ROOT)]
    dash, name, blob = signature.decode().rstrip("\n").split(" ")
    assert (dash, name) == ("—", SIGNER.key.name)
    assert from_base64(blob)[:4] == SIGNER.key.hash
    assert SIGNER.key.verifies(from_base64(blob)[4:], text + b"\n")


def test_every_flipped_bit_is_seen():
    for at in range(len(NOTE)):
        for bit in range(8):
            changed = bytearray(NOTE)
            changed[at] ^= 1 << bit
            with pytest.raises(VerificationFailed):
                open_checkpoint(bytes(changed), SIGNER.key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n7\n", b"\n07\n"),
        (b"\n7\n", b"\n+7\n"),
        (b"\n7\n", b"\n 7\n"),
        (b"\n7\n", b"\n7\nan extension\n"),
        (b"\n7\n", "\n٧\n".encode()),
        (b"\n\n", b"\n\n\n"),
        (b"\n", b"\r\n"),
        ("— ".encode(), b"- "),
        (b"=", b""),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes):
    with pytest.raises(VerificationFailed, match="can't be read"):
        open_checkpoint(NOTE.replace(old, new), SIGNER.key)


@pytest.mark.parametrize("extra", [b"\n", b" ", "— other AAAA\n".encode()])
def test_nothing_may_follow_the_signature(extra: bytes):
    with pytest.raises(VerificationFailed, match="can't be read"):
        open_checkpoint(NOTE + extra, SIGNER.key)


def test_a_short_root_is_refused():
    with pytest.raises(VerificationFailed, match="wrong length"):
        open_checkpoint(sign_checkpoint(7, ROOT[:-1], SIGNER), SIGNER.key)


def test_a_checkpoint_of_another_key_names_both():
    other = make_signer(2)
    with pytest.raises(VerificationFailed) as caught:
        open_checkpoint(NOTE, other.key)
    assert SIGNER.key.name in str(caught.value)
    assert other.key.id in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content: bytes):
    with pytest.raises(VerificationFailed):
        open_checkpoint(content, SIGNER.key)
