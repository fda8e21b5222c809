"""The tables hold every key that the installed tools have; their sources are read as text, none is imported."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from engram.config.importers import autotrain_keys, axolotl_data, trl
from engram.config.importers.importing import PEERS
from engram.config.importers.trainer_keys import RULES as TRAINER


def package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"{name} is not installed here")
    return Path(spec.origin).parent


def fields(file: Path, name: str) -> set[str]:
    """Return the annotated names of one class of a source file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {
        node.target.id
        for node in found.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_")
    }


def test_every_training_argument_of_transformers_is_known():
    keys = fields(package("transformers") / "training_args.py", "TrainingArguments")
    assert len(keys) > 80
    assert keys - {*TRAINER} == set()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("trainer/sft_config.py", "SFTConfig"),
        ("trainer/dpo_config.py", "DPOConfig"),
        ("trainer/base_config.py", "_BaseConfig"),
        ("trainer/model_config.py", "ModelConfig"),
        ("scripts/utils.py", "ScriptArguments"),
        ("scripts/utils.py", "DatasetMixtureConfig"),
    ],
)
def test_every_argument_of_trl_is_known(file, name):
    keys = fields(package("trl") / file, name)
    assert keys
    assert keys - {*trl.RULES} == set()


def test_every_key_of_a_mixed_data_set_of_trl_is_known():
    assert fields(package("trl") / "scripts/utils.py", "DatasetConfig") == {*trl.MIXED}


def test_the_tables_are_as_large_as_the_tools():
    assert {name: len(peer.rules) for name, peer in PEERS.items()} == {
        "llama-factory": pytest.approx(420, abs=60),
        "axolotl": pytest.approx(350, abs=60),
        "trl": pytest.approx(230, abs=40),
        "autotrain": 8,
    }
    assert len(autotrain_keys.PARAMS) > 40
    assert len(axolotl_data.RULES) > 30


def test_every_rule_can_be_called_and_every_key_is_text():
    for peer in PEERS.values():
        assert all(isinstance(key, str) and key == key.strip() and callable(rule) for key, rule in peer.rules.items())
