"""What every registered prep step keeps to, plugins included."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram import registry
from engram.config.check_prep import ORDER
from engram.config.jsonschema import field_notes
from engram.data.compose import Composer
from engram.data.rows import Row, TagRow
from engram.prep.step import Step
from engram.schema.codec import from_dict, to_dict
from engram.schema.recipe import Train

NAMES = registry.names("prep step")
EVERY = pytest.mark.parametrize("name", NAMES)
FEW = settings(max_examples=25, deadline=None)
# What stands for an option that has no default.
GIVEN: dict[str, dict[str, Any]] = {
    "instruct": {"template": "{text}"},
    "tokenise": {"max_length": 64},
    "sample_rate": {"hz": 8000},
    "image_size": {"height": 64},
}
TEXTS = st.lists(st.text(max_size=40), max_size=5)


def step_of(name: str) -> tuple[Step, Any]:
    step: Step = registry.get("prep step", name)
    return step, step.options(**GIVEN.get(name, {}))


def test_these_are_the_built_in_steps() -> None:
    sounds = ["sample_rate", "sound_noise", "sound_shift", "spec_augment"]
    images = ["image_colour", "image_flip", "image_shift", "image_size"]
    assert [
        "augment",
        "contrast",
        *images,
        "instruct",
        "normalise",
        "pack",
        *sorted(["score_scale", *sounds]),
        "tokenise",
    ] == NAMES


@EVERY
def test_it_says_what_it_is(name: str) -> None:
    step, options = step_of(name)
    assert isinstance(step, Step)
    assert (step.name, bool(step.version)) == (name, True)
    assert step.on in ORDER
    assert step.fault(options) == ""


@EVERY
def test_its_options_are_frozen_typed_documented_and_within_their_bounds(name: str) -> None:
    step, options = step_of(name)
    fields = [field.name for field in dataclasses.fields(step.options)]
    assert set(field_notes(step.options)) >= set(fields)
    assert set(step.bounds) <= set(fields)
    assert all(bound.holds(value) for key, bound in step.bounds.items() if (value := getattr(options, key)) is not None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.anything = 1
    assert from_dict(step.options, to_dict(options)) == options


def text_function(name: str) -> Callable[[str], str]:
    step, options = step_of(name)
    return step.apply if not dataclasses.fields(step.options) else lambda text: step.apply(text, options)


@pytest.mark.parametrize("name", [name for name in NAMES if step_of(name)[0].on == "text"])
@FEW
@given(text=st.text())
def test_a_step_of_texts_gives_the_same_text_each_time(name: str, text: str) -> None:
    apply = text_function(name)
    assert isinstance(apply(text), str)
    assert apply(text) == apply(text)


@pytest.mark.parametrize("name", [name for name in NAMES if step_of(name)[0].on == "row"])
def test_a_step_that_makes_rows_names_its_columns_and_ends_with_an_answer(name: str) -> None:
    step, options = step_of(name)
    composer = step.apply(options)
    assert isinstance(composer, Composer)
    made = composer.compose({role: f"<{role}>" for role in composer.form.known})
    assert made[-1]["role"] == "assistant"
    assert all(set(one) == {"role", "content"} for one in made)


@pytest.mark.parametrize("name", [name for name in NAMES if step_of(name)[0].on == "training rows"])
@FEW
@given(texts=TEXTS, seed=st.integers(0, 5))
def test_a_step_of_training_rows_is_the_same_for_the_same_seed_and_keeps_labels(
    name: str, texts: list[str], seed: int
) -> None:
    step, options = step_of(name)
    rows: list[Any] = [Row(i, text, i % 3) for i, text in enumerate(texts)]
    rows += [TagRow(i, ("a", *text.split()), (1, *([0] * len(text.split())))) for i, text in enumerate(texts)]
    first, second = (list(step.apply(iter(rows), options, seed, ("O", "x"))) for _ in range(2))
    assert first == second
    assert all(row in first for row in rows)
    assert all(row.label == row.id % 3 for row in first if isinstance(row, Row))
    assert all(len(row.tags) == len(row.tokens) for row in first if isinstance(row, TagRow))


@pytest.mark.parametrize("name", [name for name in NAMES if step_of(name)[0].on in ("tokens", "batches")])
def test_a_step_of_tokens_says_keys_of_the_block_train(name: str) -> None:
    step, options = step_of(name)
    known = {field.name for field in dataclasses.fields(Train)} | {"packing"}
    assert set(step.apply(options)) <= known


@pytest.mark.parametrize("name", [name for name in NAMES if step_of(name)[0].on in ("samples", "features")])
@FEW
@given(count=st.integers(0, 50), seed=st.integers(0, 5))
def test_what_a_step_changes_of_a_file_depends_on_its_generator_alone(name: str, count: int, seed: int) -> None:
    step, options = step_of(name)
    shape = (count,) if step.on == "samples" else (count, 7)
    shown = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    kept = shown.copy()
    first, second = (step.apply(shown, options=options, random=np.random.default_rng(seed)) for _ in range(2))
    assert first.dtype == np.float32
    assert first.ndim == shown.ndim
    assert np.array_equal(first, second)
    assert np.array_equal(shown, kept), "the row itself stays what it is"


@pytest.mark.parametrize("name", [name for name in NAMES if step_of(name)[0].on == "file"])
def test_a_step_of_files_says_why_or_nothing(name: str) -> None:
    step, options = step_of(name)
    said = [step.apply({"rate": rate, "seconds": 1.0, "channels": 1}, options=options) for rate in (8000, 44100)]
    assert said[0] == ""
    assert said[1]
