"""engram recipes import and explain, as a user types them: exit codes, files, and the same in JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engram.cli.main import run
from engram.config.parse import parse_yaml

FORMATS = Path(__file__).resolve().parents[2] / "formats" / "import"
CLASSIFY = """\
task: text_classification
base_model: sentence-transformers/all-MiniLM-L6-v2
project_name: tickets
data:
  path: rows.csv
  column_mapping: {text_column: text, target_column: label}
params:
  epochs: 2
  lr: 1e-3
  typo: LINE
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FORMATS, tmp_path / "formats")
    Path("c.yaml").write_text(CLASSIFY.replace("  typo: LINE\n", ""), encoding="utf-8")
    Path("typo.yaml").write_text(CLASSIFY.replace("typo: LINE", "bach_size: 8"), encoding="utf-8")
    return tmp_path


def command(capsys, *arguments: str) -> tuple[int, str, str]:
    code = run([*arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_recipe_is_written_and_everything_is_told(folder, capsys):
    _, out, _ = command(capsys, "recipes", "import", "c.yaml", "--out", "mine.yaml")
    data = parse_yaml(Path("mine.yaml").read_bytes(), "mine.yaml").data
    assert (data["name"], data["task"], data["train"]["num_train_epochs"]) == ("tickets", "classify", 2.0)
    assert "c.yaml: a file of AutoTrain (told by 'task', 'project_name', 'data')" in out
    for title in ("Carried over (", "Added ("):
        assert title in out
    assert "params.lr " in out
    assert "Wrote mine.yaml." in out


def test_without_out_the_recipe_has_its_own_name_and_replaces_nothing(folder, capsys):
    command(capsys, "recipes", "import", "c.yaml")
    assert Path("tickets.yaml").is_file()
    Path("tickets.yaml").write_text("mine", encoding="utf-8")
    code, _, err = command(capsys, "recipes", "import", "c.yaml")
    assert code == 2
    assert "tickets.yaml exists already" in err
    assert Path("tickets.yaml").read_text(encoding="utf-8") == "mine"
    code, _, err = command(capsys, "recipes", "import", "c.yaml", "--out", "gone/x.yaml")
    assert (code, "There is no folder gone." in err) == (1, True)


def test_what_changes_the_training_stops_the_import_and_partial_goes_on(folder, capsys):
    code, _, err = command(capsys, "recipes", "import", "typo.yaml", "--out", "r.yaml")
    assert code == 2
    assert "typo.yaml:10: 'params.bach_size'" in err
    assert "Did you mean 'batch_size'?" in err
    assert "--partial" in err
    assert not Path("r.yaml").exists()
    command(capsys, "recipes", "import", "typo.yaml", "--out", "r.yaml", "--partial")
    assert "# PARTIAL:" in Path("r.yaml").read_text(encoding="utf-8")


def test_a_file_that_no_recipe_can_be_made_of_stays_one(folder, capsys):
    for more in ([], ["--partial"]):
        code, _, err = command(capsys, "recipes", "import", "formats/autotrain/sentence_pairs.yaml", *more)
        assert code == 2
        assert "No recipe can be made of this file." in err
    assert not Path("near-duplicates.yaml").exists()


def test_keys_that_fit_several_tools_are_asked_about(folder, capsys):
    Path("few.yaml").write_text("learning_rate: 1e-4\nmodel_name_or_path: m\n", encoding="utf-8")
    code, _, err = command(capsys, "recipes", "import", "few.yaml")
    assert code == 2
    assert "fit llama-factory and trl alike" in err
    assert "--from llama-factory|axolotl|trl|autotrain" in err
    code, _, err = command(capsys, "recipes", "import", "few.yaml", "--from", "trl")
    assert "it names no data that Engram can read" in err
    code, _, err = command(capsys, "recipes", "import", "few.yaml", "--from", "tlr")
    assert (code, "Did you mean 'trl'?" in err) == (2, True)


def test_the_same_in_json(folder, capsys):
    code, out, _ = command(capsys, "recipes", "import", "typo.yaml", "--json")
    found = json.loads(out)
    assert code == 2
    assert (found["peer"], found["out"], found["valid"]) == ("autotrain", None, False)
    assert {"carried", "ignored", "unsupported", "added", "notes", "lacks", "problems", "because"} <= set(found)
    (fault,) = [one for one in found["unsupported"] if one["matters"]]
    assert (fault["key"], fault["where"]) == ("params.bach_size", "typo.yaml:10")
    assert {"key", "where", "value", "ours", "becomes"} == set(found["carried"][0])
    assert "text" not in found


def test_numbers_that_json_does_not_know_are_shown_as_text(folder, capsys):
    Path("n.yaml").write_text("base_model: m\nfsdp: .nan\nuse_wandb: .inf\nmicro_batch_size: 1\n", encoding="utf-8")
    code, out, _ = command(capsys, "recipes", "import", "n.yaml", "--json")
    assert code == 2
    assert [one["value"] for one in json.loads(out)["carried"]] == ["m", "nan", "inf", 1]


@pytest.mark.parametrize("file", sorted(path.relative_to(FORMATS) for path in FORMATS.glob("*/*.yaml")), ids=str)
def test_every_example_ends_in_words_and_its_json_has_no_token(folder, capsys, file, monkeypatch):
    monkeypatch.chdir(folder / "formats" / file.parent)
    code, out, err = command(capsys, "recipes", "import", file.name, "--out", "r.yaml", "--json")
    assert code in (0, 2)
    assert "Traceback" not in err
    assert "not-a-real-token" not in out + err
    assert json.loads(out)["peer"] == file.parent.name


def test_what_an_import_wrote_is_checked_at_once(folder, capsys):
    Path("c.yaml").write_text(CLASSIFY.replace("  typo: LINE\n", "").replace("1e-3", "-1"), encoding="utf-8")
    code, _, err = command(capsys, "recipes", "import", "c.yaml", "--out", "r.yaml")
    assert code == 2
    assert "'train.learning_rate' must be greater than 0, not -1" in err
    assert "engram recipes validate r.yaml" in err


@pytest.mark.parametrize("words", ["recipes import c.yaml --out r.yaml", "recipes explain quickstart"])
def test_nothing_heavy_is_imported(folder, words):
    probe = (
        "import sys, json; from engram.cli.main import run; run(sys.argv[1:]); sys.stdout.flush(); "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe, *words.split()], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stderr.splitlines()[-1]))
    assert not modules & {"torch", "transformers", "trl", "numpy", "sklearn", "scipy", "pydantic", "datasets", "rich"}


def test_explain_says_who_said_what_and_which_names_were_borrowed(folder, capsys):
    Path("r.yaml").write_text(
        "name: x\nkind: language\ntask: classify\nbase_model: embedded:minilm\n"
        "data: {sources: [{path: a.csv}]}\ntrain: {lr: 1e-3}\nbf16: true\n",
        encoding="utf-8",
    )
    code, out, _ = command(capsys, "recipes", "explain", "r.yaml")
    assert code == 0
    assert "train.learning_rate" in out
    assert "r.yaml:6" in out
    assert "train.seed" not in out
    assert "note   r.yaml:4: 'base_model' is read as 'model.source'." in out
    assert "note   r.yaml:7: 'bf16' is read as 'train.precision: bf16'." in out
    code, out, _ = command(capsys, "recipes", "explain", "r.yaml", "train.seed", "--json")
    found = json.loads(out)
    assert found["values"] == [{"key": "train.seed", "value": 42, "origin": "default"}]
    assert len(found["notes"]) == 3
    code, _, err = command(capsys, "recipes", "explain", "r.yaml", "train.sede")
    assert (code, "Did you mean 'train.seed'?" in err) == (2, True)
    code, out, _ = command(capsys, "recipes", "validate", "r.yaml")
    assert "'lr'" in out or "'train.lr' is read as 'train.learning_rate'" in out
