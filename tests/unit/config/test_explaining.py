"""`engram config --explain`: each value names who said it, the card's and the defaults included."""

from __future__ import annotations

import pytest

from engram.config.explain import explain_recipe, explain_settings
from engram.config.load import load_recipe
from engram.errors import UnknownName, UsageError


def origin(key: str, recipe: str = "quickstart", **options) -> tuple[object, str]:
    (one,) = explain_recipe(load_recipe(recipe, environment=options.pop("environment", {}), **options), key)
    return one.value, one.origin


def test_a_value_names_its_file_and_line_its_layer_or_the_default():
    value, where = origin("train.learning_rate")
    assert value == 1.5e-3
    assert where.startswith("engram/recipes/quickstart.yaml:")
    assert origin("train.max_grad_norm") == (1.0, "default")
    assert origin("train.seed", sets=["train.seed=9"]) == (9, "--set train.seed")
    assert origin("train.seed", environment={"ENGRAM_TRAIN__SEED": "8"}) == (8, "ENGRAM_TRAIN__SEED")
    assert origin("train.max_steps", local_test=True) == (20, "--local-test")
    assert origin("adapter.r", "sentiment_analysis", profile="hub")[1].startswith("profile 'hub' (engram/recipes/")


def test_a_block_that_was_set_whole_answers_for_what_is_in_it():
    assert origin("train.seed", sets=["train={seed: 3}"]) == (3, "--set train")


def test_gates_and_measures_that_nobody_gave_are_the_cards():
    assert origin("gates.data.leaked_test_rows") == ("== 0, critical", "card of the kind 'language'")
    found = explain_recipe(load_recipe("sentiment_analysis", environment={}), "gates.evaluate.accuracy")
    assert [(one.value, one.origin.split(":")[0]) for one in found] == [
        ("gain >= 0, critical", "card of the kind 'language'"),
        (">= 0.88, major", "engram/recipes/sentiment_analysis.yaml"),
    ]
    sets = ["evaluate.metrics=[]"]
    assert origin("evaluate.metrics.0", sets=sets) == ("accuracy", "card of the kind 'language'")


def test_a_gate_of_the_recipe_stands_for_the_same_demand_of_the_card():
    sets = ["gates={simulate: [{metric: p95_latency_ms, at_most: 100}]}"]
    assert origin("gates.simulate.p95_latency_ms", sets=sets) == ("<= 100, critical", "--set gates")


def test_a_key_that_no_recipe_has_is_told_with_the_nearest():
    loaded = load_recipe("quickstart", environment={})
    with pytest.raises(UsageError, match=r"No recipe has the key 'train.sed'. Did you mean 'train.seed'"):
        explain_recipe(loaded, "train.sed")
    assert len(explain_recipe(loaded, "train.save_every")) == 1


def test_settings_name_their_variable_or_the_default(tmp_path):
    found = {one.key: one for one in explain_settings({"ENGRAM_HOME": str(tmp_path), "ENGRAM_PLUGINS": "a,b"})}
    assert (found["home"].value, found["home"].origin) == (str(tmp_path), "ENGRAM_HOME")
    assert (found["plugins"].value, found["plugins"].origin) == (["a", "b"], "ENGRAM_PLUGINS")
    assert found["debug"].origin == "default"
    with pytest.raises(UnknownName, match="Did you mean 'home'"):
        explain_settings({}, "hom")
