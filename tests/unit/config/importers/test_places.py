"""Names of data: files win over the hub, and paths are right from the folder of the recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.config.importers.importing import import_config
from engram.config.importers.places import recipe_name
from engram.config.load import load_recipe

DATA = "base_model: org/m\nlearning_rate: 1e-4\ndatasets: [{path: PATH, type: alpaca}]\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org/name", "hub"), ("imdb", "hub"), ("org/na.me-1_x", "hub"), ("rows.jsonl", "path"), ("a/b/c.csv", "path"),
        ("./rows", "path"), ("../rows", "path"), ("here", "path"), ("~/rows", "path"), ("x.parquet", "path"),
    ],
)  # fmt: skip
def test_what_is_or_looks_like_a_file_is_one(convert, name, kind):
    Path("here").mkdir()
    found = convert("axolotl", DATA.replace("PATH", name), alone=True)
    assert found.refused == {}
    assert f"data.sources.0.{kind}" in found.recipe


@pytest.mark.parametrize("name", ["https://x/y.json", "a b", "org/a/b", '"a\\nb"', '"a\\0b"', "x" * 5000 + "/é"])
def test_what_is_neither_is_refused(convert, name):
    assert set(convert("axolotl", DATA.replace("PATH", name), alone=True).refused) == {"datasets.0.path"}


def test_a_path_is_right_from_the_folder_of_the_recipe(convert):
    Path("recipes").mkdir()
    for name, shown in (("rows/a.jsonl", "../rows/a.jsonl"), ("/abs/a.jsonl", "/abs/a.jsonl")):
        found = convert("axolotl", DATA.replace("PATH", name), alone=True, out=Path("recipes"))
        assert found["data.sources.0.path"] == shown


def test_a_file_beside_the_configuration_is_found_there(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "a.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "configs" / "c.yaml").write_text(DATA.replace("PATH", "a.jsonl"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = import_config(Path("configs/c.yaml"))
    assert "path: configs/a.jsonl" in found.text


def test_a_recipe_in_another_folder_finds_its_rows(tmp_path, monkeypatch):
    (tmp_path / "rows").mkdir()
    (tmp_path / "out").mkdir()
    for part in ("train", "valid"):
        (tmp_path / "rows" / f"{part}.csv").write_text("text,label\na,b\n", encoding="utf-8")
    text = (
        "task: text_classification\nbase_model: org/m\nproject_name: p\n"
        "data: {path: rows, train_split: train, valid_split: valid, column_mapping: {target_column: label}}\n"
    )
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = import_config(Path("c.yaml"), out=Path("out"))
    recipe = tmp_path / "out" / "r.yaml"
    recipe.write_text(found.text.replace("  format: label", "  # format: label"), encoding="utf-8")
    loaded = load_recipe(recipe, environment={})
    for source in loaded.recipe.data.sources:
        assert (loaded.folder / source.path).is_file()


@pytest.mark.parametrize(
    ("said", "name"),
    [("My Project", "my-project"), ("été", "t"), ("...", "imported"), ("a" * 90, "a" * 64), ("-x_", "x")],
)
def test_any_text_gives_a_name(said, name):
    from engram.config.check import is_name

    assert recipe_name(said) == name
    assert is_name(recipe_name(said))
