"""A file of another tool, imported in a folder of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engram.config.importers.importing import import_config
from engram.config.importers.report import Imported
from engram.config.parse import parse_yaml
from engram.config.tree import dotted, leaves

# The least that makes a file of each tool one that imports whole.
LEAST = {
    "axolotl": "base_model: org/m\ndatasets: [{path: org/d, type: alpaca}]\nlearning_rate: 1e-4\nmicro_batch_size: 2\n",
    "trl": "model_name_or_path: org/m\ndataset_name: org/d\n",
    "llama-factory": "model_name_or_path: org/m\nstage: sft\ndataset: one\n",
    "autotrain": "task: seq2seq\nbase_model: org/m\ndata: {path: org/d, train_split: train}\n",
}


@dataclass(frozen=True)
class Outcome:
    """An import with its recipe read back: the values by dotted key, and what became of each key of the file."""

    found: Imported
    recipe: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.recipe[key]

    def get(self, key: str) -> Any:
        return self.recipe.get(key)

    @property
    def refused(self) -> dict[str, str]:
        return {one.key: one.reason for one in self.found.refused}

    @property
    def minor(self) -> dict[str, str]:
        return {one.key: one.reason for one in self.found.unsupported if not one.matters}

    @property
    def ignored(self) -> dict[str, str]:
        return {one.key: one.reason for one in self.found.ignored}


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Return a function: tool, text (appended to the least file unless `alone`) → outcome, `--partial` taken."""
    monkeypatch.chdir(tmp_path)
    Path("dataset_info.json").write_text('{"one": {"file_name": "one.json"}}', encoding="utf-8")

    def convert(peer: str, text: str, *, alone: bool = False, out: Path = Path()) -> Outcome:
        file = Path("config.yaml")
        file.write_text(text if alone else LEAST[peer] + text, encoding="utf-8")
        found = import_config(file, peer=peer, partial=True, out=out)
        data = parse_yaml((found.text or "{}").encode(), "recipe.yaml").data
        values = {dotted(path): value for path, value in leaves(data)}
        values |= dict(_lists(data))
        return Outcome(found, values)

    return convert


def _lists(data: Any, path: tuple[str, ...] = ()) -> Any:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _lists(value, (*path, key))
    elif isinstance(data, list):
        yield ".".join(path), data
