"""The manifest names every file, in one spelling, and refuses what is not a plain file at a plain path."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from certified import safetensors, write_files
from hypothesis import given
from hypothesis import strategies as st

from engram.artifacts.manifest import artifact_digest, build_manifest, encode_manifest, parse_manifest
from engram.artifacts.paths import check_path
from engram.errors import EngramError, Refused, VerificationFailed
from engram.files import canonical_json
from engram.schema.manifest import FileEntry, Manifest

FILES = {"b.txt": b"two", "a/z.json": b"{}", "a.txt": b"one"}


def sealed(*files: FileEntry, **changes: object) -> bytes:
    """Return a canonical manifest with a digest that fits, then the changes."""
    value = json.loads(encode_manifest(Manifest(artifact_digest(files), files, {})))
    return canonical_json({**value, **changes})


def file(path: str) -> FileEntry:
    return FileEntry(path, 1, "sha256:" + "0" * 64)


def test_the_digest_is_that_of_sha256sum_lines_with_sizes(tmp_path: Path):
    manifest = build_manifest(write_files(tmp_path, FILES), {"run": "r_1"})
    lines = "".join(f"{hashlib.sha256(FILES[p]).hexdigest()}  {len(FILES[p])}  {p}\n" for p in sorted(FILES))
    assert manifest.digest == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()
    assert [entry.path for entry in manifest.files] == sorted(FILES)
    assert parse_manifest(encode_manifest(manifest)) == manifest


def test_the_digest_covers_neither_manifest_certificate_nor_about(tmp_path: Path):
    folder = write_files(tmp_path, FILES)
    before = build_manifest(folder, {"run": "r_1"})
    write_files(folder, {"manifest.json": b"x", "certificate.json": b"y"})
    assert build_manifest(folder, {"run": "r_2"}).digest == before.digest
    write_files(folder, {"a/manifest.json": b"{}"})
    assert build_manifest(folder, {}).digest != before.digest, "only the manifest at the top is left out"


def test_the_digest_does_not_depend_on_the_order_of_files():
    files = [file("b"), file("a/c"), file("a.b")]
    assert artifact_digest(files) == artifact_digest(files[::-1])


def test_a_folder_without_files_is_refused(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="no files"):
        build_manifest(tmp_path, {})


@pytest.mark.parametrize(
    "path",
    [
        "../key",
        "a/../../key",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/",
        "",
        "a\\b",
        "C:/x",
        "file://x",
        "a\0b",
        "a\nb",
        "a\x1b[2J",
        "a\u202eb",
        "%2e%2e/key",
        "%252e",
        "a#b",
        "a ",
        " a",
        "a.",
        "CON",
        "sub/nul.txt",
        "com1",
        "x" * 201,
    ],
)
def test_a_path_that_is_not_plain_is_refused(path: str):
    with pytest.raises(Refused, match="is refused"):
        check_path(path)
    with pytest.raises(VerificationFailed):
        parse_manifest(sealed(file(path)))


@given(st.text(min_size=1, max_size=30))
def test_an_accepted_path_stays_below_its_folder(path: str):
    try:
        check_path(path)
    except Refused:
        return
    inside = os.path.normpath(Path("/store/artifact") / path)
    assert inside == f"/store/artifact/{path}"


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are POSIX")
def test_links_and_devices_are_refused(tmp_path: Path):
    write_files(tmp_path / "outside", {"secret": b"x"})
    for number, make in enumerate(
        (
            lambda place: place.symlink_to(tmp_path / "outside" / "secret"),
            lambda place: place.symlink_to(tmp_path / "outside"),
            lambda place: place.symlink_to("nowhere"),
            lambda place: os.mkfifo(place),
        )
    ):
        folder = write_files(tmp_path / str(number), {"a.txt": b"x", "sub/b.txt": b"y"})
        make(folder / "sub" / "odd")
        with pytest.raises(Refused, match=r"sub/odd.*(link|plain file)"):
            build_manifest(folder, {})


@pytest.mark.skipif(os.name == "nt", reason="the names are one file there")
def test_names_that_differ_in_case_only_are_refused(tmp_path: Path):
    with pytest.raises(Refused, match="case only"):
        build_manifest(write_files(tmp_path, {"Model.json": b"{}", "model.json": b"{}"}), {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"a":1}',
        sealed(file("a")) + b"\n",
        sealed(file("a")).replace(b",", b", ", 1),
        sealed(file("b"), file("a")),
        sealed(file("a"), file("a")),
        sealed(file("manifest.json")),
        sealed(file("certificate.json")),
        sealed(FileEntry("a", -1, "sha256:" + "0" * 64)),
        sealed(FileEntry("a", 1, "sha256:" + "0" * 63)),
        sealed(FileEntry("a", 1, "sha256:" + "A" * 64)),
        sealed(FileEntry("a", 1, "md5:" + "0" * 67)),
        sealed(file("a"), digest="sha256:" + "0" * 64),
        sealed(file("a"), format="engram.manifest/2"),
        sealed(file("a"), extra=1),
    ],
)
def test_a_manifest_in_any_other_form_is_refused(content: bytes):
    with pytest.raises(VerificationFailed, match=r"manifest\.json can't be read"):
        parse_manifest(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(content: bytes):
    with pytest.raises(EngramError):
        parse_manifest(content)


def test_safetensors_are_looked_at(tmp_path: Path):
    good = safetensors(w=(2, 3))
    assert build_manifest(write_files(tmp_path, {"model.safetensors": good}), {}).files[0].bytes == len(good)
    write_files(tmp_path, {"model.safetensors": good[:-1]})
    with pytest.raises(Refused, match=r"model\.safetensors.*truncated"):
        build_manifest(tmp_path, {})
