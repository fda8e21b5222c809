"""Certifying enters once, however often it is tried, and says what it certifies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from certified import ZERO, draft, make_home, make_signer

from engram.artifacts.manifest import build_manifest, encode_manifest
from engram.files import canonical_json, sha256_bytes
from engram.ledger.certificate import ARTIFACT_NAME, certify
from engram.ledger.dsse import unseal
from engram.ledger.verify import verify_certificate
from engram.schema.check import Check

KEY = make_signer().key


def first_wrong(path: Path) -> Check | None:
    return next((check for check in verify_certificate(path.read_bytes(), KEY) if not check.ok), None)


def test_certifying_twice_enters_once(tmp_path: Path):
    home = make_home(tmp_path)
    manifest = build_manifest(home.staging, {"run": "r_1"})
    content = encode_manifest(manifest)
    size = home.ledger.size
    again = certify(
        manifest=manifest, manifest_bytes=content, predicate={"recipe": ZERO}, run="r_1", ledger=home.ledger
    )
    assert home.ledger.size == size
    assert again == (home.artifact / "certificate.json").read_bytes()


def test_a_resumed_run_staples_the_statement_that_it_signed_first(tmp_path: Path):
    home = make_home(tmp_path)
    manifest = build_manifest(home.staging, {"run": "r_2"})
    content, keep = encode_manifest(manifest), tmp_path / "statement.json"

    def once(seconds: float) -> dict[str, Any]:
        made = certify(
            manifest=manifest,
            manifest_bytes=content,
            predicate={"seconds": seconds},
            run="r_2",
            ledger=home.ledger,
            keep=keep,
        )
        return json.loads(made)

    first, size = once(1.5), home.ledger.size
    home.ledger.append_many([draft(7)])
    second = once(2.5)
    assert home.ledger.size == size + 1
    assert (second["dsse"], second["leaf_index"]) == (first["dsse"], first["leaf_index"])
    (tmp_path / "r").write_bytes(canonical_json(second))
    assert first_wrong(tmp_path / "r") is None


def test_a_kept_statement_of_another_run_is_not_stapled(tmp_path: Path):
    home = make_home(tmp_path)
    manifest = build_manifest(home.staging, {"run": "r_2"})
    content, keep = encode_manifest(manifest), tmp_path / "keep"
    for run in ("r_2", "r_3"):
        made = certify(manifest=manifest, manifest_bytes=content, predicate={}, run=run, ledger=home.ledger, keep=keep)
        assert json.loads(unseal(json.loads(made)["dsse"], KEY))["predicate"]["run"] == run


@pytest.mark.parametrize("kept", [b"", b"{}", b"[]", b'{"payload":"e30=","payloadType":"x","signatures":[]}'])
def test_a_damaged_kept_statement_is_signed_anew(tmp_path: Path, kept: bytes):
    home = make_home(tmp_path)
    manifest = build_manifest(home.staging, {"run": "r_2"})
    content = encode_manifest(manifest)
    (tmp_path / "keep").write_bytes(kept)
    made = certify(
        manifest=manifest, manifest_bytes=content, predicate={}, run="r_2", ledger=home.ledger, keep=tmp_path / "keep"
    )
    (tmp_path / "c").write_bytes(made)
    assert first_wrong(tmp_path / "c") is None


def test_the_statement_names_the_artifact_its_files_and_the_manifest(tmp_path: Path):
    artifact = make_home(tmp_path).artifact
    value = json.loads((artifact / "certificate.json").read_bytes())
    statement = json.loads(unseal(value["dsse"], KEY))
    subjects = {item["name"]: item["digest"]["sha256"] for item in statement["subject"]}
    assert subjects.pop(ARTIFACT_NAME) == artifact.name
    for name, digest in subjects.items():
        assert sha256_bytes((artifact / name).read_bytes()) == f"sha256:{digest}"
    assert statement["predicate"]["manifest"] == sha256_bytes((artifact / "manifest.json").read_bytes())
    assert statement["predicate"]["run"] == "r_1"
