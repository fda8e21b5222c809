"""What every recipe that ships must keep: it loads, says where its data comes from, and stays what its digest says."""

from __future__ import annotations

import jsonschema
import pytest

from engram import registry
from engram.config.jsonschema import recipe_schema
from engram.config.load import load_recipe
from engram.config.read import read_tree
from engram.config.shipped import find_recipe, shipped_names
from engram.data.sources import source_path
from engram.files import json_digest
from engram.gate.defaults import declare
from engram.schema.codec import from_dict, to_dict
from engram.schema.recipe import Recipe

NAMES = shipped_names()


def profiles() -> list[tuple[str, str | None]]:
    return [(name, profile) for name in NAMES for profile in (None, *load_recipe(name, environment={}).profiles)]


def header(name: str) -> str:
    """Return the comment that a recipe begins with."""
    lines = find_recipe(name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines[: lines.index("")] if line.startswith("#"))


def test_the_recipes_of_this_release_are_all_here():
    assert {"intent_classification", "quickstart", "sentiment_analysis"} <= set(NAMES)


@pytest.mark.parametrize(("name", "profile"), profiles())
def test_it_loads_with_each_of_its_profiles_and_survives_the_way_to_json(name, profile):
    loaded = load_recipe(name, profile=profile, environment={})
    assert from_dict(Recipe, to_dict(loaded.recipe)) == loaded.recipe
    assert loaded.digest == json_digest(to_dict(loaded.recipe))
    assert loaded.notes == (), "a shipped recipe speaks Engram's own names"


@pytest.mark.parametrize(("name", "profile"), profiles())
def test_its_gates_tighten_the_cards_and_loosen_none(name, profile):
    recipe = load_recipe(name, profile=profile, environment={}).recipe
    task = registry.get("kind", recipe.kind).tasks[recipe.task]
    assert set(declare(task.gates, recipe.gates)) == set(task.gates)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_named_as_its_file_and_has_a_title_and_a_category(name):
    recipe = load_recipe(name, environment={}).recipe
    assert recipe.name == name
    assert recipe.title
    assert recipe.category


@pytest.mark.parametrize("name", NAMES)
def test_its_header_says_where_the_data_comes_from_its_licence_and_the_command(name):
    said = header(name)
    assert "# Data: " in said
    assert "# Licence: " in said
    assert f"engram train {name}" in said


@pytest.mark.parametrize("name", NAMES)
def test_every_source_states_its_licence_and_no_path_is_of_one_machine(name):
    recipe = load_recipe(name, environment={}).recipe
    for source in recipe.data.sources:
        assert source.license != "unstated"
        assert source.path is None or source.path.startswith("data/")
    moved = load_recipe(name, environment={"ENGRAM_DATA": "/srv/sets"}).recipe
    assert all(source.path is None or source.path.startswith("/srv/sets/") for source in moved.data.sources)


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_it_names_ship_with_engram(name, tmp_path):
    for source in load_recipe(name, environment={}).recipe.data.sources:
        if source.sample:
            assert source_path(source, tmp_path).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_offline_by_default_so_that_a_local_test_needs_no_network(name):
    recipe = load_recipe(name, local_test=True, environment={}).recipe
    assert recipe.model.source.startswith(("embedded:", "made:", "gym:"))
    assert recipe.data.limit == 200
    assert recipe.train.max_steps == 20


@pytest.mark.parametrize("name", NAMES)
def test_the_editors_schema_takes_it_and_marks_a_misspelt_key(name):
    validator = jsonschema.Draft202012Validator(recipe_schema())
    data = read_tree(find_recipe(name)).data
    validator.validate(data)
    data["train"]["learing_rate"] = 1e-3
    assert not validator.is_valid(data)
