"""Sealed files and their keys: whatever is changed, moved, cut or swapped is found, and named; memory stays flat."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.artifacts import envelope
from engram.artifacts import seal as sealing
from engram.artifacts.envelope import (
    KekRing,
    forget_keks,
    kek_of,
    load_or_create_keks,
    make_data_key,
    open_data_key,
    rewrap,
    rewrap_files,
    rotate_kek,
)
from engram.artifacts.seal import CHUNK_BYTES, MAGIC, Place, seal, unseal
from engram.artifacts.sealed_files import is_sealed, seal_file, unseal_file
from engram.errors import PlatformError, UsageError, VerificationFailed
from engram.files import sha256_bytes

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
PLACE = Place("sha256:" + "a" * 64, "merged/model.safetensors")
SMALL = 16
PLAIN = bytes(range(5 * SMALL + 3))


def sealed(plain: bytes = PLAIN, key: bytes = KEY, place: Place = PLACE, chunk: int = SMALL) -> bytes:
    writing = io.BytesIO()
    assert seal(io.BytesIO(plain), writing, key, place, chunk_bytes=chunk) == sha256_bytes(plain)
    return writing.getvalue()


def opened(content: bytes, key: bytes = KEY, place: Place = PLACE) -> bytes:
    return b"".join(unseal(io.BytesIO(content), key, place))


def refuse(content: bytes, match: str, key: bytes = KEY, place: Place = PLACE) -> None:
    with pytest.raises(VerificationFailed, match=match) as caught:
        opened(content, key, place)
    assert place.path in str(caught.value) and place.artifact in str(caught.value)


def body_of(content: bytes) -> int:
    return len(MAGIC) + 4 + int.from_bytes(content[8:12], "big")


CHUNK = SMALL + 16


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 40))
def test_what_was_sealed_opens(plain: bytes, chunk: int):
    content = sealed(plain, chunk=chunk)
    assert opened(content) == plain
    assert len(content) - body_of(content) == len(plain) + 16 * max(1, -(-len(plain) // chunk))


def test_the_plaintext_is_nowhere_in_it_and_no_two_are_alike():
    canary = b"CANARY-in-plain-sight" * 50
    one, two = sealed(canary, chunk=64), sealed(canary, chunk=64)
    assert b"CANARY" not in one and one[body_of(one) :] != two[body_of(two) :]
    assert len({one[at : at + 16] for at in range(body_of(one), len(one), 80)}) == -(-len(canary) // 64)


def test_every_flipped_bit_is_found():
    content = sealed()
    for at in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            with pytest.raises(VerificationFailed):
                opened(bytes(changed))


def test_a_flipped_byte_of_a_chunk_names_the_chunk():
    content = sealed()
    for at in range(body_of(content), len(content)):
        changed = bytearray(content)
        changed[at] ^= 1
        refuse(bytes(changed), rf"Chunk {(at - body_of(content)) // CHUNK} of the sealed file")


def test_every_truncation_is_found_and_a_cut_between_chunks_is_called_so():
    content = sealed()
    for length in range(len(content)):
        with pytest.raises(VerificationFailed):
            opened(content[:length])
    for number in range(1, 5):
        refuse(content[: body_of(content) + number * CHUNK], rf"ends early, in or after chunk {number - 1}")
    refuse(content[: body_of(content)], "ends early, in or after chunk 0")
    refuse(b"", "does not begin as a sealed file")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_edit_goes_unseen(data: st.DataObject):
    content = CONTENT
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    changed = content[:start] + data.draw(st.binary(max_size=40)) + content[end:]
    if changed != content:
        with pytest.raises(VerificationFailed):
            opened(changed)


CONTENT = sealed()


def chunks(content: bytes) -> tuple[bytes, list[bytes]]:
    start = body_of(content)
    return content[:start], [content[at : at + CHUNK] for at in range(start, len(content), CHUNK)]


def test_swapped_repeated_dropped_and_borrowed_chunks_are_named():
    head, parts = chunks(sealed())
    foreign = chunks(sealed())[1]
    refuse(head + b"".join([parts[0], parts[2], parts[1], *parts[3:]]), "Chunk 1 of")
    refuse(head + b"".join([parts[0], parts[0], *parts[1:]]), "Chunk 1 of")
    refuse(head + b"".join([*parts[:2], *parts[3:]]), "Chunk 2 of")
    refuse(head + b"".join([*parts, parts[-1]]), "Chunk 5 of")
    refuse(head + b"".join([*parts, b"\0"]), "Chunk 5 of")
    refuse(head + b"".join([*parts[:3], foreign[3], *parts[4:]]), "Chunk 3 of")
    refuse(head + b"".join([*parts[:4], parts[5]]), "Chunk 4 of")


def test_a_header_of_another_file_does_not_fit_either():
    head, _ = chunks(sealed())
    _, parts = chunks(sealed())
    refuse(head + b"".join(parts), "Chunk 0 of")


def test_the_wrong_key_and_a_moved_file_are_named():
    content = sealed()
    refuse(content, "The key does not fit", key=OTHER_KEY)
    refuse(content, "was sealed as 'merged/model.safetensors' of sha256:aaaa", place=Place("sha256:b", PLACE.path))
    refuse(content, "it was moved there", place=Place(PLACE.artifact, "config.json"))
    renamed = content.replace(b"merged/model.safetensors", b"merged/model.safetensorx")
    refuse(renamed, "Chunk 0 of", place=Place(PLACE.artifact, "merged/model.safetensorx"))


def test_chunks_open_before_the_end_is_seen_but_the_end_is_always_seen():
    content = sealed()
    stream = unseal(io.BytesIO(content[:-1]), KEY, PLACE)
    assert next(stream) == PLAIN[:SMALL]
    with pytest.raises(VerificationFailed):
        list(stream)


class Counted(io.BytesIO):
    """Remembers how much was asked for at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, size if size is not None and size >= 0 else 1 << 62)
        return super().read(size)


@pytest.mark.parametrize("length", [sealing.MAX_HEADER_BYTES + 1, 0, 1, 2**32 - 1])
def test_a_foreign_header_is_refused_before_it_fills_the_memory(length: int):
    reading = Counted(MAGIC + length.to_bytes(4, "big") + b"{" * 40)
    with pytest.raises(VerificationFailed, match="can't be unsealed"):
        list(unseal(reading, KEY, PLACE))
    assert reading.most <= sealing.MAX_HEADER_BYTES


@pytest.mark.parametrize("chunk", [0, -1, 1 << 21])
def test_a_chunk_that_would_fill_the_memory_is_refused(chunk: int):
    with pytest.raises(UsageError):
        sealed(chunk=chunk)
    refuse(sealed().replace(b'"chunk_bytes":16', b'"chunk_bytes":%d' % chunk), "can't be unsealed")


def test_a_key_of_another_length_and_an_endless_path_are_refused():
    with pytest.raises(UsageError, match="32 bytes"):
        sealed(key=b"short")
    with pytest.raises(UsageError, match="too long"):
        sealed(place=Place("a", "x" * 9000))


class Endless(io.RawIOBase):
    """Gives so many zero bytes, a few at a time, and keeps none."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        part = b"\0" * min(size, self.left, 40_000)
        self.left -= len(part)
        return part


def test_memory_stays_flat_however_long_the_file(tmp_path: Path):
    size, place = 200 * CHUNK_BYTES + 1, Place("a", "big")
    tracemalloc.start()
    try:
        with (tmp_path / "big").open("wb") as writing:
            digest = seal(Endless(size), writing, KEY, place)
        state, total = hashlib.sha256(), 0
        with (tmp_path / "big").open("rb") as reading:
            for plain in unseal(reading, KEY, place):
                state.update(plain)
                total += len(plain)
        assert tracemalloc.get_traced_memory()[1] < 16 * CHUNK_BYTES
    finally:
        tracemalloc.stop()
    assert (total, "sha256:" + state.hexdigest()) == (size, digest)


# Files


def test_a_sealed_file_opens_in_memory_only(tmp_path: Path):
    (tmp_path / "plain").write_bytes(b"CANARY" * 30_000)
    digest = seal_file(tmp_path / "plain", tmp_path / "sealed", KEY, PLACE)
    (tmp_path / "plain").unlink()
    before = sorted(tmp_path.iterdir())
    with unseal_file(tmp_path / "sealed", KEY, PLACE, digest=digest) as memory:
        assert memory.read() == b"CANARY" * 30_000
        assert Path(f"/proc/self/fd/{memory.fileno()}").read_bytes()[:6] == b"CANARY"
        assert "memfd:" in str(Path(f"/proc/self/fd/{memory.fileno()}").readlink())
    assert sorted(tmp_path.iterdir()) == before
    assert is_sealed(tmp_path / "sealed") and b"CANARY" not in (tmp_path / "sealed").read_bytes()
    with pytest.raises(VerificationFailed, match="not the file that the manifest lists"):
        unseal_file(tmp_path / "sealed", KEY, PLACE, digest=sha256_bytes(b"other"))
    with pytest.raises(FileExistsError):
        seal_file(tmp_path / "sealed", tmp_path / "sealed", KEY, PLACE)
    assert is_sealed(tmp_path / "sealed")


def test_after_an_error_there_is_no_half_a_file(tmp_path: Path):
    (tmp_path / "plain").write_bytes(b"x")
    with pytest.raises(UsageError):
        seal_file(tmp_path / "plain", tmp_path / "sealed", b"short", PLACE)
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


def test_without_private_memory_nothing_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "plain").write_bytes(b"x")
    seal_file(tmp_path / "plain", tmp_path / "sealed", KEY, PLACE)
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(PlatformError, match="no private memory"):
        unseal_file(tmp_path / "sealed", KEY, PLACE)


# Envelopes


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    load_or_create_keks(tmp_path / "keys")
    return tmp_path / "keys"


def test_a_data_key_is_wrapped_for_one_artifact(keys: Path):
    ring = load_or_create_keks(keys)
    made, other = make_data_key(ring, "a"), make_data_key(ring, "b")
    assert open_data_key(ring, "a", made.envelope) == made.key != other.key
    assert made.key.hex() not in repr(made) and made.key not in made.envelope
    assert stat.S_IMODE((keys / "kek.json").stat().st_mode) == 0o600
    with pytest.raises(VerificationFailed, match="that of 'b': it was moved there"):
        open_data_key(ring, "a", other.envelope)
    forged = made.envelope.replace(b'"artifact":"a"', b'"artifact":"b"')
    with pytest.raises(VerificationFailed, match="does not open with the key"):
        open_data_key(ring, "b", forged)


def test_every_flipped_byte_of_an_envelope_is_found(keys: Path):
    ring = load_or_create_keks(keys)
    made = make_data_key(ring, "a").envelope
    for at in range(len(made)):
        for bit in range(8):
            changed = bytearray(made)
            changed[at] ^= 1 << bit
            with pytest.raises(VerificationFailed):
                open_data_key(ring, "a", bytes(changed))


def test_rotation_wraps_again_and_touches_no_data(keys: Path, tmp_path: Path):
    old = load_or_create_keks(keys)
    made = make_data_key(old, "a")
    (tmp_path / "plain").write_bytes(PLAIN)
    seal_file(tmp_path / "plain", tmp_path / "sealed", made.key, Place("a", "x"))
    before = (tmp_path / "sealed").read_bytes()
    (tmp_path / "envelope.json").write_bytes(made.envelope)
    ring = rotate_kek(keys)
    assert ring.current != old.current and set(ring.keys) > set(old.keys)
    assert open_data_key(ring, "a", made.envelope) == made.key, "not wrapped again yet, and still opens"
    with pytest.raises(VerificationFailed, match="doesn't have"):
        forget_keks(keys, ["kek-gone"])
    assert set(forget_keks(keys, [kek_of("a", made.envelope)]).keys) == set(ring.keys)
    assert rewrap_files(ring, {"a": tmp_path / "envelope.json"}) == 1
    assert rewrap_files(ring, {"a": tmp_path / "envelope.json"}) == 0
    new = (tmp_path / "envelope.json").read_bytes()
    ring = forget_keks(keys, [kek_of("a", new)])
    assert set(ring.keys) == {ring.current} == set(load_or_create_keks(keys).keys)
    assert open_data_key(ring, "a", new) == made.key
    assert (tmp_path / "sealed").read_bytes() == before
    with unseal_file(tmp_path / "sealed", made.key, Place("a", "x")) as memory:
        assert memory.read() == PLAIN
    with pytest.raises(VerificationFailed, match=rf"under the key '{old.current}', which this home doesn't have"):
        open_data_key(ring, "a", made.envelope)


def test_the_wrong_kek_under_the_right_name_is_found(keys: Path):
    ring = load_or_create_keks(keys)
    made = make_data_key(ring, "a").envelope
    wrong = KekRing(ring.current, {ring.current: bytes(32)})
    for work in (open_data_key, rewrap):
        with pytest.raises(VerificationFailed, match="does not open"):
            work(wrong, "a", made)


def test_lost_keks_are_an_error_that_says_what_is_lost(keys: Path):
    ring = load_or_create_keks(keys)
    (keys / "kek.json").unlink()
    with pytest.raises(VerificationFailed, match=rf"are lost.*{ring.current}.*can't be opened"):
        load_or_create_keks(keys)
    assert not (keys / "kek.json").exists()
    for content in (b"", b"{}", b'{"format":"engram.kek/1","current":"x","keys":{"x":"AA=="}}', b"[]"):
        (keys / "kek.json").write_bytes(content)
        (keys / "kek.json").chmod(0o600)
        with pytest.raises(VerificationFailed, match="does not hold key-encryption keys"):
            load_or_create_keks(keys)
    (keys / "kek.json").chmod(0o640)
    with pytest.raises(VerificationFailed, match="others can read"):
        load_or_create_keks(keys)


def test_a_crash_between_the_two_files_is_mended(keys: Path):
    ring = load_or_create_keks(keys)
    (keys / "kek.ids").unlink()
    assert load_or_create_keks(keys) == ring
    assert (keys / "kek.ids").read_text().split() == [ring.current]
    assert envelope.IDS_FILE == "kek.ids"
