"""One flipped byte anywhere in an artifact and `engram verify` names the file and ends with 1."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certified import ZERO, make_home, make_signer, write_files
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.artifacts.manifest import build_manifest, encode_manifest
from engram.cli.verify import checks_of
from engram.files import canonical_json
from engram.ledger.certificate import certify
from engram.ledger.dsse import seal, unseal
from engram.ledger.encoding import to_base64
from engram.ledger.leaf import Draft
from engram.ledger.verify import verify_certificate
from engram.schema.check import Check

SIGNER = make_signer()
KEY = SIGNER.key


def first_wrong(path: Path) -> Check | None:
    return next((check for check in checks_of(path, KEY) if not check.ok), None)


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_published_artifact_verifies_check_by_check(tmp_path: Path):
    home = make_home(tmp_path, before=3, after=2)
    checks = list(checks_of(home.artifact, KEY))
    assert all(check.ok for check in checks)
    assert [check.name for check in checks] == [
        *(f"certificate.json: {step}" for step in ("format", "signature", "statement", "ledger entry", "checkpoint")),
        "certificate.json: inclusion proof",
        "manifest.json",
        "files",
        "README.md",
        "model.safetensors",
        "sub/config.json",
    ]


def test_every_flipped_byte_of_every_file_is_found_in_that_file(tmp_path: Path):
    artifact = make_home(tmp_path).artifact
    names = files_of(artifact)
    assert names == ["README.md", "certificate.json", "manifest.json", "model.safetensors", "sub/config.json"]
    tried = 0
    for name in names:
        content = (artifact / name).read_bytes()
        for at in range(len(content)):
            changed = bytearray(content)
            changed[at] ^= 1 << at % 8
            (artifact / name).write_bytes(changed)
            wrong = first_wrong(artifact)
            assert wrong is not None, (name, at)
            assert wrong.name.split(":")[0] == name, (name, at, wrong)
            tried += 1
        (artifact / name).write_bytes(content)
    assert tried > 2000
    assert first_wrong(artifact) is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"), before=3).artifact / "certificate.json"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_edit_of_a_certificate_goes_unseen(certificate: Path, data: st.DataObject):
    content = certificate.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 6)))
    changed = content[:start] + data.draw(st.binary(max_size=6)) + content[end:]
    first = next((check for check in verify_certificate(changed, KEY) if not check.ok), None)
    assert (first is None) == (changed == content)


@pytest.mark.parametrize("name", ["README.md", "model.safetensors", "manifest.json", "certificate.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str):
    artifact = make_home(tmp_path).artifact
    (artifact / name).unlink()
    wrong = first_wrong(artifact)
    assert wrong and wrong.name == name and "missing" in wrong.detail


@pytest.mark.parametrize("name", ["extra.txt", "sub/manifest.json", "sub/deep/x.json"])
def test_an_added_file_is_named(tmp_path: Path, name: str):
    artifact = make_home(tmp_path).artifact
    write_files(artifact, {name: b"{}"})
    wrong = first_wrong(artifact)
    assert wrong and wrong.name == name and "added after signing" in wrong.detail


def test_a_file_that_became_a_link_is_refused(tmp_path: Path):
    artifact = make_home(tmp_path).artifact
    shutil.move(artifact / "README.md", tmp_path / "README.md")
    (artifact / "README.md").symlink_to(tmp_path / "README.md")
    wrong = first_wrong(artifact)
    assert wrong and "README.md" in wrong.detail and "link" in wrong.detail
    shutil.move(artifact / "manifest.json", tmp_path / "manifest.json")
    (artifact / "manifest.json").symlink_to(tmp_path / "manifest.json")
    wrong = first_wrong(artifact)
    assert wrong and wrong.name == "manifest.json"


def test_a_certificate_of_another_artifact_is_refused(tmp_path: Path):
    one = make_home(tmp_path / "one").artifact
    two = make_home(tmp_path / "two").artifact
    (two / "README.md").write_text("another")
    (two / "manifest.json").write_bytes(encode_manifest(build_manifest(two, {"run": "r_1"})))
    shutil.copy(one / "certificate.json", two / "certificate.json")
    wrong = first_wrong(two)
    assert wrong and wrong.name == "manifest.json"


def edited(home_folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Return a certificate whose outer parts were edited, in canonical form, by somebody without the key."""
    path = make_home(home_folder, before=3, after=1).artifact / "certificate.json"
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(canonical_json(value))
    return path


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda c: c.update(format="engram.certificate/2"), "format"),
        (lambda c: c.update(extra=1), "format"),
        (lambda c: c.pop("proof"), "format"),
        (lambda c: c.update(leaf_index=True), "format"),
        (lambda c: c.update(leaf_index="3"), "format"),
        (lambda c: c.update(proof=None), "format"),
        (lambda c: c.update(checkpoint=7), "format"),
        (lambda c: c.update(leaf=c["leaf"] + "\n"), "format"),
        (lambda c: c["dsse"].update(signatures=c["dsse"]["signatures"] * 2), "signature"),
        (lambda c: c.update(leaf_index=c["leaf_index"] - 1), "ledger entry"),
        (lambda c: c.update(leaf=to_base64(b"{}")), "ledger entry"),
        (lambda c: c.update(checkpoint=c["checkpoint"].replace("\n4\n", "\n5\n")), "checkpoint"),
        (lambda c: c.update(proof=c["proof"][1:]), "inclusion proof"),
        (lambda c: c.update(proof=[*c["proof"], to_base64(bytes(32))]), "inclusion proof"),
    ],
)
def test_an_edited_part_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], None], step: str):
    wrong = first_wrong(edited(tmp_path, change))
    assert wrong and wrong.name == f"certificate.json: {step}", wrong


def test_a_statement_that_never_entered_the_ledger_is_refused(tmp_path: Path):
    """Even the key's owner can't swap the statement below an entry."""

    def swap(value: dict[str, Any]) -> None:
        statement = json.loads(unseal(value["dsse"], KEY))
        statement["predicate"]["accuracy"] = 0.99
        value["dsse"] = seal(canonical_json(statement), SIGNER)

    wrong = first_wrong(edited(tmp_path, swap))
    assert wrong and wrong.name == "certificate.json: ledger entry" and "body" in wrong.detail


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"),
        lambda s: s.update(subject=[]),
        lambda s: s["subject"].reverse(),
        lambda s: s["subject"].append(s["subject"][0]),
        lambda s: s["subject"][1]["digest"].update(sha256="../../x"),
        lambda s: s["predicate"].pop("manifest"),
    ],
)
def test_a_signed_statement_of_another_kind_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]):
    def swap(value: dict[str, Any]) -> None:
        statement = json.loads(unseal(value["dsse"], KEY))
        change(statement)
        value["dsse"] = seal(canonical_json(statement), SIGNER)

    wrong = first_wrong(edited(tmp_path, swap))
    assert wrong and wrong.name == "certificate.json: statement"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"type": "run.refused"}, "type"),
        ({"subject": ZERO}, "subject"),
        ({"body": {"statement": ZERO}}, "body"),
    ],
)
def test_an_entry_that_says_something_else_certifies_nothing(tmp_path: Path, changes: dict[str, Any], what: str):
    """A `run.refused` entry with the same body must not pass for `artifact.certified`."""
    home = make_home(tmp_path)
    value = json.loads((home.artifact / "certificate.json").read_bytes())
    entry = home.ledger.entry(value["leaf_index"])
    said = {"type": entry.type, "subject": entry.subject, "body": entry.body} | changes
    index = home.ledger.append_many([Draft(**said)])[0].index
    value.update(
        leaf=to_base64(home.ledger.leaf(index)),
        leaf_index=index,
        proof=[to_base64(step) for step in home.ledger.inclusion_proof(index)],
        checkpoint=home.ledger.checkpoint.decode(),
    )
    (home.artifact / "certificate.json").write_bytes(canonical_json(value))
    wrong = first_wrong(home.artifact)
    assert wrong and wrong.name == "certificate.json: ledger entry" and f"entry's {what}" in wrong.detail


def test_what_a_manifest_says_about_itself_is_signed_too(tmp_path: Path):
    artifact = make_home(tmp_path).artifact
    manifest = json.loads((artifact / "manifest.json").read_bytes())
    (artifact / "manifest.json").write_bytes(canonical_json(manifest | {"about": {"run": "r_2"}}))
    wrong = first_wrong(artifact)
    assert wrong and wrong.name == "manifest.json"


def test_a_manifest_that_lists_other_files_than_the_statement_is_refused(tmp_path: Path):
    """A signer's own mistake: the statement binds this manifest's bytes, but was given for other files."""
    home = make_home(tmp_path)
    folder = write_files(tmp_path / "other", {"README.md": b"other"})
    manifest = build_manifest(folder, {})
    write_files(folder, {"manifest.json": encode_manifest(manifest), "sub/x.json": b"{}"})
    lie = build_manifest(folder, {})
    content = certify(
        manifest=lie, manifest_bytes=encode_manifest(manifest), predicate={}, run="r_2", ledger=home.ledger
    )
    (folder / "certificate.json").write_bytes(content)
    wrong = first_wrong(folder)
    assert wrong and wrong.name == "manifest.json" and "other files" in wrong.detail
