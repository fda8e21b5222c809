"""Recipes whose types are right and whose meaning is wrong: each is refused, and told where and why."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from engram import registry
from engram.config.bounds import BOUNDS
from engram.config.check import check_recipe, is_name
from engram.config.load import load_recipe
from engram.schema.codec import to_dict
from engram.schema.criterion import Criterion
from engram.schema.policy import Policy
from engram.schema.recipe import Adapter, Data, Evaluate, Model, PrepStep, Recipe, Source, SplitPlan, Train

KINDS = ", ".join(registry.names("kind"))


def recipe(**changes) -> Recipe:
    base = Recipe("r", "language", "classify", Model("embedded:minilm"), Data((Source(path="a.csv"),)))
    return dataclasses.replace(base, **changes)


def data(*sources: Source, **changes) -> Data:
    return Data(sources or (Source(path="a.csv"),), **changes)


def told(**changes) -> list[tuple[str, str]]:
    return [(".".join(map(str, fault.path)), str(fault)) for fault in check_recipe(recipe(**changes))]


def test_a_sound_recipe_has_no_faults():
    assert told() == []


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"name": "../x"}, "name", "must be 1 to 64 lower-case letters"),
        ({"kind": "languag"}, "kind", f"Unknown kind 'languag'. Known: {KINDS}. Did you mean 'language'?"),
        ({"task": "clasify"}, "task", "Did you mean 'classify'?"),
        ({"model": Model(" ")}, "model.source", "must name a hub id"),
        ({"prep": (PrepStep("normalize"),)}, "prep.0", "Unknown prep step 'normalize'."),
        ({"prep": (PrepStep("normalise"), PrepStep("normalise"))}, "prep.1", "named twice"),
        (
            {"evaluate": Evaluate(("ece", "bleu"))},
            "evaluate.metrics.1",
            "'bleu' scores texts, and this task gives classes",
        ),
        ({"export": ("onxn",)}, "export.0", "Unknown export 'onxn'. Known: adapter, merged"),
        ({"export": ()}, "export", "must name at least one"),
        ({"adapter": Adapter(type="full")}, "adapter.type", "leaves no adapter to export"),
        ({"train": Train(learning_rate=0.0)}, "train.learning_rate", "must be greater than 0, not 0"),
        ({"train": Train(weight_decay=float("nan"))}, "train.weight_decay", "not nan"),
        ({"train": Train(max_grad_norm=float("inf"))}, "train.max_grad_norm", "not inf"),
        ({"train": Train(warmup_ratio=1.0)}, "train.warmup_ratio", "at least 0 and less than 1, not 1"),
        ({"train": Train(tokens_per_batch=100)}, "train.tokens_per_batch", "less than one row"),
        ({"data": data(limit=0)}, "data.limit", "must be at least 1, not 0"),
        ({"data": Data(())}, "data.sources", "at least one source"),
        ({"data": data(Source())}, "data.sources.0", "exactly one of 'path', 'sample', 'hub' and 'dataset'"),
        (
            {"data": data(Source(path="a", sample="b"))},
            "data.sources.0",
            "exactly one of 'path', 'sample', 'hub' and 'dataset'",
        ),
        (
            {"data": data(Source(path="a", hub="o/b"))},
            "data.sources.0",
            "exactly one of 'path', 'sample', 'hub' and 'dataset'",
        ),
        ({"data": data(Source(hub="b"))}, "data.sources.0.hub", "must look like org/name or org/name@revision"),
        ({"data": data(Source(hub="../b"))}, "data.sources.0.hub", "must look like org/name"),
        ({"data": data(Source(hub="o/.."))}, "data.sources.0.hub", "must look like org/name"),
        ({"data": data(Source(hub="o/b@"))}, "data.sources.0.hub", "must look like org/name"),
        ({"data": data(Source(hub="o/b@v1", revision="v2"))}, "data.sources.0.revision", "given twice"),
        ({"data": data(Source(hub="o/b", revision="../x"))}, "data.sources.0.revision", "a branch, a tag or a commit"),
        ({"data": data(Source(hub="o/b", format="csv"))}, "data.sources.0.format", "does not go with 'hub'"),
        ({"data": data(Source(path="a", revision="v1"))}, "data.sources.0.revision", "goes with 'hub' only"),
        ({"data": data(Source(path="a", subset="x"))}, "data.sources.0.subset", "goes with 'hub' only"),
        ({"data": data(Source(path="a", split="train"))}, "data.sources.0.split", "goes with 'hub' only"),
        ({"data": data(Source(path="a", format="csv", paragraphs=True))}, "data.sources.0.paragraphs", "format: text"),
        ({"data": data(Source(path="https://x/y.csv"))}, "data.sources.0.path", "is a file, not an address"),
        ({"data": data(Source(path="a\x00b"))}, "data.sources.0.path", "must be the name of a file"),
        ({"data": data(Source(sample="../x"))}, "data.sources.0.sample", "is no such name"),
        ({"data": data(Source(path="a", delimiter=", "))}, "data.sources.0.delimiter", "must be one character"),
        ({"data": data(Source(path="a", header=("x", "x")))}, "data.sources.0.header", "name each column once"),
        ({"data": data(Source(path="a", format="xls"))}, "data.sources.0.format", "Unknown reader 'xls'."),
        ({"data": data(format="labels")}, "data.format", "Did you mean 'label'?"),
        ({"data": data(columns={"text": "t", "label": " "})}, "data.columns.label", "has no name"),
        ({"data": data(columns={"text": "t", "label": "l", "lable": "l"})}, "data.columns.lable", "'label'?"),
        ({"data": data(split=SplitPlan(0.8, 0.1, 0.2))}, "data.split", "0.8 + 0.1 + 0.2 = 1.1"),
        ({"data": data(split=SplitPlan(0.9, 0.1, 0.0))}, "data.split.test", "nothing ships unproven"),
        ({"data": data(split=SplitPlan(0.9, 0.0, 0.1))}, "data.split.valid", "best checkpoint"),
        ({"data": data(Source(path="a", part="test"))}, "data.sources", "none is left to train on"),
    ],
)
def test_each_fault_is_told_once_at_its_key(changes, path, words):
    (fault,) = told(**changes)
    assert fault[0] == path
    assert words in fault[1]


@pytest.mark.parametrize(
    "source",
    [
        Source(hub="org/name"),
        Source(hub="Org-1/my.name_2@refs/pr/3", subset="en", split="train"),
        Source(hub="org/name", revision="a" * 40),
        Source(path="data/part-*.jsonl"),
        Source(path="a.txt", paragraphs=True),
    ],
)
def test_sources_of_every_kind_are_accepted(source):
    assert told(data=data(source)) == []


def test_splits_as_given_need_no_fractions_for_the_parts_that_are_given():
    sources = (Source(path="a", part="train"), Source(path="b", part="valid"), Source(path="c", part="test"))
    assert told(data=Data(sources, split=SplitPlan(1.0, 0.0, 0.0))) == []
    assert told(data=Data((Source(path="a"), Source(path="c", part="test")), split=SplitPlan(0.9, 0.1, 0.0))) == []


@pytest.mark.parametrize(
    ("stage", "criterion", "path", "words"),
    [
        ("evalute", Criterion("accuracy", at_least=1), "gates.evalute", "Did you mean 'evaluate'?"),
        ("evaluate", Criterion("accuracy"), "gates.evaluate.0", "exactly one of at_least"),
        ("evaluate", Criterion("accuracy", at_least=1, at_most=1), "gates.evaluate.0", "exactly one of at_least"),
        ("evaluate", Criterion("acuracy", at_least=1), "gates.evaluate.0.metric", "Did you mean 'accuracy'?"),
        ("evaluate", Criterion("confusion_matrix", at_least=1), "gates.evaluate.0.metric", "a table for people"),
        ("evaluate", Criterion("accuracy", at_least=float("nan")), "gates.evaluate.0.at_least", "finite"),
        ("evaluate", Criterion("accuracy", at_least=0.8, by=0.1), "gates.evaluate.0.by", "only goes with gain_over"),
        (
            "evaluate",
            Criterion("bleu", at_least=20),
            "gates.evaluate.0.metric",
            "scores texts, and this task gives classes",
        ),
        ("train", Criterion("accuracy", at_least=0.8), "gates.train.0.metric", "does not measure 'accuracy'"),
        ("train", Criterion("loss_finite", gain_over="baseline"), "gates.train.0.gain_over", "by the stage 'evaluate'"),
    ],
)
def test_a_gate_that_can_not_be_judged_is_refused_before_training(stage, criterion, path, words):
    (fault,) = told(gates={stage: (criterion,)})
    assert fault[0] == path
    assert words in fault[1]


def test_gates_on_measures_of_the_stage_are_accepted():
    gates = {"evaluate": (Criterion("ece", at_most=0.1),), "simulate": (Criterion("p95_latency_ms", at_most=100),)}
    assert told(gates=gates) == []


@pytest.mark.parametrize(
    "licence", ["other-research", "research", "Research-Only", "CC-BY-NC-4.0", "cc by-nc", "Non-Commercial", "academic"]
)
def test_data_for_research_trains_no_commercial_model(licence):
    (fault,) = told(data=data(Source(path="a", license=licence)))
    assert fault[0] == "data.sources.0.license"
    assert "allows no commercial use" in fault[1]
    assert told(data=data(Source(path="a", license=licence)), use="research") == []


@pytest.mark.parametrize("licence", ["Apache-2.0", "CC-BY-3.0", "CC-BY-SA-4.0", "MIT", "unstated", "cc-by-ncx"])
def test_other_licences_train_commercial_models(licence):
    assert told(data=data(Source(path="a", license=licence))) == []


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("a-b_2", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("-a", False),
        ("A", False),
        ("a/b", False),
        ("a\n", False),
    ],
)
def test_names_of_recipes_are_safe_as_file_names(name, good):
    assert is_name(name) is good


def test_every_number_of_a_recipe_has_a_bound():
    found = set()

    def walk(cls, path):
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            hint = hints[field.name]
            may = [one for one in typing.get_args(hint) if dataclasses.is_dataclass(one)]
            blocks = may if type(None) in typing.get_args(hint) else [hint]  # a block that may be absent counts too
            if blocks and dataclasses.is_dataclass(blocks[0]):
                walk(blocks[0], (*path, field.name))
            elif {hint, *typing.get_args(hint)} & {int, float}:
                found.add((*path, field.name))

    walk(Recipe, ())
    assert found == set(BOUNDS)


def test_the_defaults_keep_their_own_bounds():
    assert load_recipe("quickstart", environment={}).recipe.format == to_dict(recipe())["format"]
    for path, bound in BOUNDS.items():
        value = recipe()
        for part in path:
            value = Policy() if part == "policy" else getattr(value, part)
        assert value is None or bound.holds(value), path
