"""The sample recipe asks for scenarios that the model never saw, and every row of it has a partner."""

from __future__ import annotations

from engram.config.load import load_recipe
from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.kinds.embedding import embed as code
from engram.prep.plan import plan


def test_scenarios_stay_in_one_part_and_all_parts_have_enough_of_them(tmp_path):
    recipe = load_recipe("similar_tickets", environment={}).recipe
    steps = plan(recipe.prep)
    made = prepare_split(
        recipe.data, folder=tmp_path, cache=tmp_path, forms=("label",), steps=steps.texts, step_names=steps.names
    )
    parts = {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
    labels = {name: {row.label for row in rows} for name, rows in parts.items()}
    assert not labels["train"] & labels["test"]
    assert not labels["train"] & labels["valid"]
    assert all(len(labels[name]) >= 40 for name in ("valid", "test"))
    found = code.examine(recipe, list(parts.values()), made.split.labels)
    assert found == {"tokenisation_error_rate": 0.0, "lost_tokens_rate": 0.0, "unpaired_rows_rate": 0.0}
