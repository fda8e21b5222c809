"""TorchScript is a program: it ships only when it was asked for by name, and opens only by a digest that we know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from certified import FILES, ZERO, make_ledger, make_signer, write_files

import engram
from engram.artifacts.store import publish
from engram.cli.verify import checks_of
from engram.errors import Refused
from engram.export.inspect import digests_of, find_executables, find_executables_on_request
from engram.export.torchscript import open_torchscript, repack
from engram.ledger.certificate import certify

ASKS, DOES_NOT = b'{"export": ["merged", "torchscript"]}', b'{"export": ["merged"]}'
PROGRAM = "torchscript/model.pt"


def staged(folder: Path, recipe: bytes) -> Path:
    """Lay down what an artifact with a TorchScript file holds."""
    write_files(folder, {**FILES, "recipe.json": recipe, "torchscript/config.json": b"{}"})
    script = torch.jit.freeze(torch.jit.trace(torch.nn.Linear(2, 2).eval(), torch.zeros(1, 2)))
    torch.jit.save(script, str(folder.parent / "raw.pt"))
    repack(folder.parent / "raw.pt", folder / PROGRAM)
    return folder


def published(folder: Path, staging: Path) -> Path:
    ledger = make_ledger(folder / "ledger", 1)
    made, _ = publish(
        staging,
        folder / "artifacts",
        {"run": "r_1"},
        lambda manifest, content: certify(
            manifest=manifest, manifest_bytes=content, predicate={"recipe": ZERO}, run="r_1", ledger=ledger
        ),
    )
    return made


def test_it_is_published_on_request_and_verify_names_it(tmp_path: Path):
    artifact = published(tmp_path, staged(tmp_path / "staging", ASKS))
    checks = {check.name: check for check in checks_of(artifact, make_signer().key)}
    assert all(check.ok for check in checks.values())
    assert [name for name, check in checks.items() if "executable on request" in check.detail] == [PROGRAM]


def test_without_a_request_nothing_is_published(tmp_path: Path):
    staging = staged(tmp_path / "staging", DOES_NOT)
    with pytest.raises(Refused, match=r"torchscript/model\.pt"):
        published(tmp_path, staging)
    assert not list((tmp_path / "artifacts").glob("*"))
    assert find_executables(staging, ["merged"]) == [PROGRAM]


def test_a_request_covers_one_file_and_no_other(tmp_path: Path):
    staging = staged(tmp_path / "staging", ASKS)
    for name in ("merged/model.pt", "torchscript/more.pt", "torchscript/run.sh", "model.pt"):
        write_files(staging, {name: (staging / PROGRAM).read_bytes()})
        with pytest.raises(Refused, match=name.replace(".", r"\.")):
            published(tmp_path, staging)
        assert find_executables(staging, ["torchscript"]) == [name]
        assert find_executables_on_request(staging, ["torchscript"]) == [PROGRAM]
        (staging / name).unlink()


def test_another_program_in_its_place_is_never_opened(tmp_path: Path):
    folder = staged(tmp_path / "staging", ASKS) / "torchscript"
    ours = digests_of(folder)
    torch.jit.save(
        torch.jit.freeze(torch.jit.trace(torch.nn.Linear(3, 3).eval(), torch.zeros(1, 3))), str(tmp_path / "x")
    )
    repack(tmp_path / "x", folder / "model.pt")
    for digests in (ours, {}, None, {"torchscript/model.pt": ours["model.pt"]}):
        with pytest.raises(Refused, match="can run code"):
            open_torchscript(folder, None, (), "classify", digests)


def test_one_place_in_the_code_opens_programs():
    found = []
    for path in Path(engram.__file__).parent.rglob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)}
        found += [path.name] if {"jit", "load"} <= names else []
    assert found == ["torchscript.py"]
