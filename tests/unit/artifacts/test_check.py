"""A payload is held against its manifest alone, without any certificate, and each file gets its own answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from certified import FILES, safetensors, write_files

from engram.artifacts.check import check_payload
from engram.artifacts.manifest import artifact_digest, build_manifest, encode_manifest
from engram.errors import Refused
from engram.files import sha256_bytes
from engram.schema.manifest import FileEntry, Manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "a", {**FILES, "model.safetensors": safetensors(w=(2,))})


def wrong(folder: Path, manifest: bytes, **more: object) -> list[str]:
    return [check.name for check in check_payload(folder, manifest, **more) if not check.ok]  # type: ignore[arg-type]


def test_a_whole_payload_passes_file_by_file(folder: Path):
    manifest = build_manifest(folder, {})
    digests = {file.path: file.digest for file in manifest.files}
    checks = list(check_payload(folder, encode_manifest(manifest), (manifest.digest, digests)))
    assert [check.name for check in checks] == ["files", *digests]
    assert all(check.ok for check in checks)
    assert [check.detail for check in checks[1:]] == list(digests.values())


def test_every_bad_file_is_named_not_only_the_first(folder: Path):
    content = encode_manifest(build_manifest(folder, {}))
    write_files(folder, {"README.md": b"# tinY\n", "new.txt": b""})
    (folder / "model.safetensors").unlink()
    write_files(folder, {"sub/config.json": b"{} "})
    assert wrong(folder, content) == ["README.md", "model.safetensors", "sub/config.json", "new.txt"]


def test_a_manifest_that_can_not_be_read_is_named(folder: Path):
    content = encode_manifest(build_manifest(folder, {}))
    assert wrong(folder, content + b"\n") == ["manifest.json"]
    assert wrong(folder, b"") == ["manifest.json"]


def test_a_manifest_of_other_things_than_were_certified_is_named(folder: Path):
    manifest = build_manifest(folder, {})
    digests = {file.path: file.digest for file in manifest.files}
    content = encode_manifest(manifest)
    assert wrong(folder, content, certified=("sha256:" + "0" * 64, digests)) == ["manifest.json"]
    assert wrong(folder, content, certified=(manifest.digest, digests | {"more": "x"})) == ["manifest.json"]
    assert wrong(folder, content, certified=(manifest.digest, {})) == ["manifest.json"]


def test_a_signed_pickle_is_still_refused(tmp_path: Path):
    """A signature says who made it, not that it is safe to open."""
    folder = write_files(tmp_path, {"x.txt": b"\x80\x04N."})
    file = FileEntry("x.txt", 4, sha256_bytes(b"\x80\x04N."))
    content = encode_manifest(Manifest(artifact_digest([file]), (file,), {}))
    (check,) = [check for check in check_payload(folder, content) if not check.ok]
    assert check.name == "x.txt" and "pickle" in check.detail


def test_a_link_in_the_folder_is_refused(folder: Path):
    content = encode_manifest(build_manifest(folder, {}))
    (folder / "link").symlink_to("README.md")
    assert wrong(folder, content) == ["files"]


def test_a_program_that_the_recipe_asked_for_is_named_as_one(tmp_path: Path):
    import torch

    from engram.export.torchscript import repack

    torch.jit.save(
        torch.jit.freeze(torch.jit.trace(torch.nn.Linear(2, 2).eval(), torch.zeros(1, 2))), str(tmp_path / "raw")
    )
    folder = write_files(
        tmp_path / "a", {"recipe.json": b'{"export": ["torchscript"]}', "torchscript/config.json": b"{}"}
    )
    repack(tmp_path / "raw", folder / "torchscript" / "model.pt")
    content = encode_manifest(build_manifest(folder, {}))
    checks = {check.name: check for check in check_payload(folder, content)}
    assert all(check.ok for check in checks.values())
    assert "executable on request" in checks["torchscript/model.pt"].detail
    assert [name for name, check in checks.items() if "executable" in check.detail] == ["torchscript/model.pt"]
    for recipe in (b'{"export": ["merged"]}', b"", b"{}"):
        write_files(folder, {"recipe.json": recipe})
        assert wrong(folder, content) == ["recipe.json", "torchscript/model.pt"]
        with pytest.raises(Refused, match="a pickle"):
            build_manifest(folder, {})
