"""The declaration before training, and what is refused after it."""

import pytest

from engram import files
from engram.errors import Refused
from engram.gate.digest import declaration_digest
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger
from engram.pipeline.declare import check_split, declare, declared_digest
from engram.pipeline.folder import RunFolder
from engram.schema.codec import to_dict
from engram.schema.criterion import Criterion
from engram.schema.recipe import Data, Model, Recipe, Source
from engram.schema.report import Report
from engram.schema.split import DataReport, Part, Split

RECIPE = Recipe("toy", "language", "classify", Model("embedded:minilm"), Data((Source(path="d.csv"),)))
GATES = {"evaluate": (Criterion("accuracy", at_least=0.5),)}


def make_split(home, name, test_digest):
    parts = {part: Part(f"{part}.jsonl", 1, f"sha256:{part}") for part in ("train", "valid")}
    parts["test"] = Part("test.jsonl", 1, test_digest)
    folder = home / "datasets" / name
    files.write_json(folder / "split.json", to_dict(Split(f"sha256:{name}", parts, ("a", "b"), ())))
    files.write_json(folder / "report.json", to_dict(DataReport(3, 3, {}, 0, 0, {}, (), {})))


def make_run(home, name, split):
    folder = RunFolder(home / "runs" / name)
    files.write_json(folder.path / "recipe.json", to_dict(RECIPE))
    files.write_json(folder.path / "gates.json", to_dict(GATES))
    files.write_json(folder.path / "data.json", {"folder": split, "split": f"sha256:{split}"})
    return folder


@pytest.fixture
def home(tmp_path):
    make_split(tmp_path, "one", "sha256:test")
    make_split(tmp_path, "two", "sha256:test")
    make_split(tmp_path, "other", "sha256:another")
    return tmp_path


@pytest.fixture
def ledger(home):
    return Ledger.open(home / "ledger", load_or_create_signer(home / "keys"))


def test_a_run_is_declared_once_however_often_it_is_resumed(home, ledger):
    folder = make_run(home, "r_1", "one")
    for _ in range(3):
        declare(folder, home, ledger)
    entries = ledger.find("run.declared", "r_1")
    assert len(entries) == 1
    assert entries[0].body["gates"] == declaration_digest(GATES) == declared_digest(folder)


def test_every_run_that_scores_the_same_test_part_is_counted(home, ledger):
    counts = []
    for name, split in (("r_1", "one"), ("r_2", "two"), ("r_3", "other"), ("r_4", "one")):
        folder = make_run(home, name, split)
        declare(folder, home, ledger)
        counts.append(folder.times_scored())
    assert counts == [1, 2, 1, 3]


@pytest.mark.parametrize("change", ["recipe", "gates", "split"])
def test_what_was_declared_can_not_be_changed_afterwards(home, ledger, change):
    folder = make_run(home, "r_1", "one")
    declare(folder, home, ledger)
    if change == "recipe":
        files.write_json(folder.path / "recipe.json", to_dict(RECIPE) | {"title": "another"})
    if change == "gates":
        files.write_json(folder.path / "gates.json", {"evaluate": [to_dict(Criterion("accuracy", at_least=0.1))]})
    if change == "split":
        files.write_json(folder.path / "data.json", {"folder": "other", "split": "sha256:other"})
    with pytest.raises(Refused, match=change):
        declare(folder, home, ledger)


def test_a_report_on_other_data_is_refused(home, ledger):
    folder = make_run(home, "r_1", "one")
    declare(folder, home, ledger)
    check_split(folder, Report("r_1", "evaluate", 1, {}, split_digest="sha256:one"))
    with pytest.raises(Refused, match="sha256:other"):
        check_split(folder, Report("r_1", "evaluate", 1, {}, split_digest="sha256:other"))
