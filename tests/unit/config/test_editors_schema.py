"""The JSON schema that editors use accepts what the loader accepts and marks what it refuses."""

from __future__ import annotations

import copy
import json

import jsonschema
import pytest

from engram.config.build import build
from engram.config.jsonschema import field_notes, recipe_schema
from engram.config.read import read_tree
from engram.config.shipped import find_recipe, shipped_names
from engram.config.template import recipe_template
from engram.schema.recipe import Train

SCHEMA = recipe_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def whole() -> dict:
    return copy.deepcopy(read_tree(find_recipe("sentiment_analysis")).data)


def test_the_schema_is_a_schema_and_is_plain_json():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_recipe_fits_the_schema(name):
    VALIDATOR.validate(read_tree(find_recipe(name)).data)


def test_the_template_fits_the_schema(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(recipe_template("mine"), encoding="utf-8")
    VALIDATOR.validate(read_tree(file).data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("train", "learing_rate"), 1e-3),
        (("train", "seed"), "1"),
        (("train", "seed"), -1),
        (("train", "seed"), 1.5),
        (("train", "lr_scheduler_type"), "cosin"),
        (("train", "save_every"), 5),
        (("adapter", "target_modules"), 3),
        (("data", "sources"), "a.csv"),
        (("data", "sources"), [{"pth": "a.csv"}]),
        (("data", "sources"), [{"path": "a.csv", "part": "tst"}]),
        (("data", "limit"), "all"),
        (("gates",), {"evaluate": [{"at_least": 1}]}),
        (("format",), "engram.recipe/2"),
        (("use",), "fun"),
        (("model",), {}),
    ],
)
def test_what_the_loader_refuses_the_schema_marks(path, value):
    from engram.config.check import check_recipe

    broken = whole()
    block = broken
    for part in path[:-1]:
        block = block[part]
    block[path[-1]] = value
    assert not VALIDATOR.is_valid(broken)
    del broken["profiles"]
    built = build(broken)
    assert built.problems or check_recipe(built.recipe)


def test_a_profile_may_be_partial_and_is_marked_all_the_same():
    broken = whole()
    broken["profiles"]["mine"] = {"train": {"seed": 3}}
    assert VALIDATOR.is_valid(broken)
    broken["profiles"]["mine"] = {"train": {"sed": 3}}
    assert not VALIDATOR.is_valid(broken)


def test_defaults_bounds_choices_and_words_come_from_the_records():
    train = SCHEMA["properties"]["train"]["properties"]
    assert train["learning_rate"] == {"type": "number", "default": Train().learning_rate, "exclusiveMinimum": 0}
    assert train["lr_scheduler_type"]["enum"] == ["cosine", "linear", "constant"]
    assert train["max_steps"]["type"] == ["integer", "null"]
    assert train["max_seq_length"]["description"] == field_notes(Train)["max_seq_length"]
    assert SCHEMA["required"] == ["name", "kind", "task", "model", "data"]
    part = SCHEMA["properties"]["data"]["properties"]["sources"]["items"]["properties"]["part"]
    assert part["enum"] == ["train", "valid", "test", None]
