"""The security look: what could run code, what looks like a secret, and whose licence forbids the use."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engram.artifacts.formats import CODE_SUFFIXES
from engram.errors import Refused
from engram.export.inspect import (
    digests_of,
    find_executables,
    find_executables_on_request,
    find_forbidden_licenses,
    find_secrets,
    refuse_code,
)
from engram.export.torchscript import repack
from engram.files import sha256_bytes
from engram.schema.recipe import Source


def put(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("suffix", sorted(CODE_SUFFIXES))
def test_a_suffix_that_runs_is_found_whatever_its_case_and_content(tmp_path, suffix):
    put(tmp_path, f"deep/er/weights{suffix.upper()}", "harmless")
    assert find_executables(tmp_path) == [f"deep/er/weights{suffix.upper()}"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["weights", "model.safetensors", "notes.txt"])
def test_a_pickle_is_found_under_any_name(tmp_path, protocol, name):
    put(tmp_path, name, pickle.dumps({"a": [1.0] * 50}, protocol=protocol))
    assert find_executables(tmp_path) == [name]


@pytest.mark.parametrize("start", [b"\x7fELF\x02\x01", b"MZ\x90\x00", b"#!/bin/sh\n"])
def test_a_program_is_found_by_its_first_bytes(tmp_path, start):
    put(tmp_path, "README.md", start + bytes(64))
    assert find_executables(tmp_path) == ["README.md"]


def test_a_torch_archive_is_found_without_its_suffix(tmp_path):
    torch.save({"w": torch.zeros(2)}, tmp_path / "weights.dat")
    with zipfile.ZipFile(tmp_path / "more.txt", "w") as archive:
        archive.writestr("x", "y")
    assert find_executables(tmp_path) == ["more.txt", "weights.dat"]


def test_what_a_model_is_made_of_is_not_found(tmp_path):
    save_file({"w": torch.zeros(2)}, tmp_path / "model.safetensors")
    for name in ("config.json", "vocab.txt", "README.md", "tokenizer.model"):
        put(tmp_path, name, '{"a": 1}')
    put(tmp_path, "empty.txt", "")
    assert find_executables(tmp_path) == []


@pytest.mark.parametrize("header", [640, 896, 1152, 1408, 66176])
def test_safetensors_whose_header_length_looks_like_a_pickle_are_not_found(tmp_path, header):
    """The file begins with the header's length: 640 is 80 02 00 …, as a pickle of protocol 2 begins."""
    path = tmp_path / "model.safetensors"
    room = header - len('{"__metadata__":{"x":""},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
    save_file({"w": torch.zeros(2)}, path, metadata={"x": "y" * room})
    assert int.from_bytes(path.read_bytes()[:8], "little") == header
    assert path.read_bytes()[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    assert find_executables(tmp_path) == []


def test_a_program_that_nobody_asked_for_is_found_beside_one_that_was(tmp_path):
    script(tmp_path / "torchscript" / "model.pt")
    put(tmp_path, "torchscript/other.pt", "x")
    put(tmp_path, "merged/model.pt", "x")
    assert find_executables_on_request(tmp_path, ["merged", "torchscript"]) == ["torchscript/model.pt"]
    assert find_executables(tmp_path, ["merged", "torchscript"]) == ["merged/model.pt", "torchscript/other.pt"]
    assert "torchscript/model.pt" in find_executables(tmp_path)


def test_what_was_asked_for_must_be_what_it_says(tmp_path):
    torch.save({"w": torch.zeros(2)}, put(tmp_path, "torchscript/model.pt", ""))
    assert find_executables(tmp_path, ["torchscript"]) == ["torchscript/model.pt"]
    assert find_executables_on_request(tmp_path, ["torchscript"]) == []


def test_a_folder_is_refused_for_a_program_unless_its_format_brings_it(tmp_path):
    script(tmp_path / "model.pt")
    refuse_code(tmp_path, "torchscript")
    for name in ("", "merged", "onnx"):
        with pytest.raises(Refused, match=r"model\.pt"):
            refuse_code(tmp_path, name)
    put(tmp_path, "helper.py", "")
    with pytest.raises(Refused, match=r"helper\.py"):
        refuse_code(tmp_path, "torchscript")


def test_digests_are_those_of_the_files(tmp_path):
    put(tmp_path, "a.txt", "one")
    put(tmp_path, "b/c.txt", "two")
    assert digests_of(tmp_path) == {"a.txt": sha256_bytes(b"one"), "b/c.txt": sha256_bytes(b"two")}


def script(path: Path) -> None:
    """Write a little TorchScript program as Engram writes one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    traced = torch.jit.trace(torch.nn.Linear(2, 2).eval(), torch.zeros(1, 2))
    torch.jit.save(torch.jit.freeze(traced), str(path.with_suffix(".raw")))
    repack(path.with_suffix(".raw"), path)
    path.with_suffix(".raw").unlink()


SECRETS = {
    "private key": ["-----BEGIN " + "PRIVATE KEY-----\nMC4CAQ", "-----BEGIN OPENSSH " + "PRIVATE KEY-----"],
    "AWS access key": ["key = AKIA" + "IOSFODNN7EXAMPLE", "ASIA" + "0123456789ABCDEF"],
    "hub token": ["hf_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3x"],
    "API key": ["sk-proj-" + "abcdef0123456789abcdef", "sk_live_" + "abcdef0123456789"],
    "source forge token": ["ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"],
    "JSON web token": ["eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"],
}


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in SECRETS.items() for text in texts])
@pytest.mark.parametrize("name", ["README.md", "sub/config.json", "rows.CSV"])
def test_a_secret_is_found_and_named(tmp_path, what, text, name):
    put(tmp_path, name, f'{{"note": "before {text} after"}}')
    assert find_secrets(tmp_path) == [f"{name}: {what}"]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PUBLIC KEY-----",
        "AKIA is how such keys begin",
        "hf_short",
        "a sketch of sk-learn and risk-free-return",
        "sha256:" + "ab" * 32,
        "ghp_tooshort",
        "eyJust a word",
        "bytes \xff\xfe that are no UTF-8",
    ],
)
def test_what_is_no_secret_is_not_found(tmp_path, text):
    put(tmp_path, "README.md", text.encode("latin-1"))
    assert find_secrets(tmp_path) == []


def test_a_vocabulary_is_not_read_as_prose(tmp_path):
    put(tmp_path, "vocab.txt", SECRETS["hub token"][0])
    assert find_secrets(tmp_path) == []


@pytest.mark.parametrize(
    "licence",
    ["cc-by-nc-4.0", "CC BY-NC-SA 4.0", "research-only", "non-commercial", "Noncommercial use", "academic"],
)
def test_a_licence_for_research_forbids_commercial_use_only(licence):
    sources = [Source(path="ours.csv", license="apache-2.0"), Source(sample="theirs", license=licence)]
    assert find_forbidden_licenses(sources, "commercial") == [f"theirs: {licence}"]
    assert find_forbidden_licenses(sources, "research") == []


@pytest.mark.parametrize(
    "licence", ["apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "NCSA", "commercial", "unstated", "cc0-1.0"]
)
def test_other_licences_forbid_nothing(licence):
    assert find_forbidden_licenses([Source(path="a.csv", license=licence)], "commercial") == []
