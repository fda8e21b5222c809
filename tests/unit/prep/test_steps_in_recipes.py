"""Prep steps as a recipe writes them: names and options, the order that makes sense, and what editors say."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram import registry
from engram.config.check import check_recipe
from engram.config.check_prep import check_prep
from engram.config.explain import explain_recipe
from engram.config.jsonschema import recipe_schema
from engram.config.load import load_recipe
from engram.config.prep_keys import settle_prep
from engram.config.problems import RecipeProblems
from engram.config.read import read_tree
from engram.config.shipped import find_recipe
from engram.config.tree import Mark, Tree
from engram.files import json_digest
from engram.prep.pack import PACKING
from engram.prep.plan import plan, training_rows
from engram.prep.step import Step
from engram.schema.codec import FieldProblem, from_dict, to_dict
from engram.schema.recipe import Clean, Data, Model, PrepStep, Recipe, Source, Train

SCHEMA = jsonschema.Draft202012Validator(recipe_schema())
ASK = {"instruct": {"template": "Sum up: {text}"}}
PLAIN = {
    "normalise": "normalise",
    "instruct": ASK,
    "augment": "augment",
    "tokenise": {"tokenise": {"max_length": 256}},
    "pack": "pack",
}
RIGHT = ["normalise", "instruct", "augment", "tokenise", "pack"]
HEAD = """format: engram.recipe/1
name: mine
kind: language
task: classify
model: {source: m}
data: {sources: [{path: a.csv}]}
"""
GENERATE = dataclasses.replace(
    registry.get("kind", "language").tasks["classify"], forms=("messages", "prompt_completion", "text")
)


def recipe(*prep: object, **changes) -> Recipe:
    steps = from_dict(Recipe, {**to_dict(RECIPE), "prep": list(prep)}).prep
    return dataclasses.replace(RECIPE, prep=steps, **changes)


RECIPE = Recipe("r", "language", "generate", Model("m"), Data((Source(path="a.csv"),)))


def told(*prep: object, task=GENERATE, **changes) -> list[tuple[str, str]]:
    found = check_prep(recipe(*prep, **changes), task)
    return [(".".join(map(str, one.path)), str(one)) for one in found if PACKING not in str(one)]


@pytest.fixture
def load(tmp_path):
    def read(text: str, **more):
        (tmp_path / "mine.yaml").write_text(HEAD + text, encoding="utf-8")
        return load_recipe(tmp_path / "mine.yaml", environment={}, **more)

    return read


OPTIONS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.integers(-9, 9) | st.booleans() | st.text(max_size=8) | st.lists(st.integers(0, 9), max_size=2),
    max_size=3,
)


@given(st.lists(st.builds(PrepStep, st.text(min_size=1), OPTIONS), max_size=4))
def test_steps_survive_being_written_and_read(steps):
    whole = dataclasses.replace(RECIPE, prep=tuple(steps))
    plain = json.loads(json.dumps(to_dict(whole)))
    assert from_dict(Recipe, plain) == whole
    assert json_digest(plain) == json_digest(to_dict(from_dict(Recipe, plain)))


def test_a_step_without_options_is_written_as_its_name():
    assert to_dict(recipe("normalise", ASK))["prep"] == ["normalise", ASK]
    assert recipe({"normalise": None}) == recipe({"normalise": {}}) == recipe("normalise")


@pytest.mark.parametrize(
    "item", [3, None, ["normalise"], {}, {"normalise": {}, "pack": {}}, {"pack": 5}, {"pack": "x"}]
)
def test_anything_but_a_name_or_a_block_of_one_name_is_refused(item):
    with pytest.raises(FieldProblem) as caught:
        recipe("normalise", item)
    assert caught.value.path[:2] == ("prep", 1)


def test_the_digest_changes_with_the_options(load):
    texts = [
        "",
        "prep: [normalise]",
        "prep: [normalise, augment]",
        "prep: [normalise, {augment: {copies: 2}}]",
        "prep: [normalise, {augment: {copies: 3}}]",
    ]
    digests = [load(text).digest for text in texts]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_a_fault_is_told_at_its_line(load):
    text = "prep:\n  - normalise\n  - augment:\n      copies: 2\n      delte: 0.5\n"
    with pytest.raises(RecipeProblems) as caught:
        load(text)
    (one,) = caught.value.problems
    assert one.line == 11
    assert "Known keys: copies, delete, swap, case, typo. Did you mean 'delete'?" in str(one)


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        ("normalize", "prep.0", "Did you mean 'normalise'?"),
        ({"normalise": {"form": "NFC"}}, "prep.0.normalise.form", "the prep step 'normalise' has no options"),
        ("instruct", "prep.0", "the key 'template' is missing in 'prep.0'"),
        ({"instruct": {"templte": "x"}}, "prep.0.instruct.templte", "Did you mean 'template'?"),
        ({"instruct": {"template": 3}}, "prep.0.instruct.template", "must be text"),
        ({"instruct": {"template": "{a.b}"}}, "prep.0.instruct", "{a.b} is no placeholder"),
        ({"instruct": {"template": "x"}}, "prep.0.instruct", "'template' has no placeholder"),
        ({"augment": {"delete": 1.5}}, "prep.0.augment.delete", "at least 0 and at most 1, not 1.5"),
        ({"augment": {"typo": float("nan")}}, "prep.0.augment.typo", "not nan"),
        ({"augment": {"copies": 0}}, "prep.0.augment.copies", "at least 1"),
        ({"augment": {"copies": 1.5}}, "prep.0.augment.copies", "a whole number"),
        ({"tokenise": {"max_length": 0}}, "prep.0.tokenise.max_length", "at least 1, not 0"),
        ("tokenise", "prep.0", "'max_length' is missing"),
        ({"pack": {"token": 9}}, "prep.0.pack.token", "Did you mean 'tokens'?"),
    ],
)
def test_each_fault_of_a_step_is_told_once_at_its_key(step, path, words):
    (fault,) = told(step)
    assert fault[0] == path
    assert words in fault[1]


def test_steps_in_order_have_no_fault():
    for size in range(6):
        for some in itertools.combinations(RIGHT, size):
            assert told(*(PLAIN[name] for name in some)) == []


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(RIGHT, 2)))
def test_an_order_that_makes_no_sense_is_refused_in_words(first, second):
    (fault,) = told(PLAIN[second], PLAIN[first])
    assert fault[0] == "prep.1"
    assert f"{first!r} " in fault[1]
    assert f", and {second!r} before it " in fault[1]
    assert f"Put {first!r} before {second!r}." in fault[1]


def test_the_whole_list_the_wrong_way_round_is_told_step_by_step():
    assert [path for path, _ in told(*(PLAIN[name] for name in reversed(RIGHT)))] == [f"prep.{i}" for i in (1, 2, 3, 4)]
    assert ["named twice" in words for _, words in told("augment", "augment")] == [True]


def test_only_one_step_makes_the_rows(monkeypatch):
    other = dataclasses.replace(registry.get("prep step", "instruct"), name="compose")
    names, get = registry.names, registry.get
    monkeypatch.setattr(registry, "names", lambda what: [*names(what), "compose"])
    monkeypatch.setattr(registry, "get", lambda what, name: other if name == "compose" else get(what, name))
    (fault,) = told(ASK, {"compose": ASK["instruct"]})
    assert fault[0] == "prep.1"
    assert "only one prep step can make the rows, and 'instruct' does so already" in fault[1]


def test_rows_are_made_for_tasks_that_take_them():
    (fault,) = told(ASK, task=registry.get("kind", "language").tasks["classify"])
    assert "makes rows that the task 'generate' does not take" in fault[1]
    assert told(ASK, task=None) == []
    ((path, words),) = told(ASK, data=Data((Source(path="a"),), format="messages"))
    assert (path, "Leave 'data.format' out" in words) == ("data.format", True)
    ((path, words),) = told(ASK, data=Data((Source(path="a"),), columns={"txt": "a", "label": "b"}))
    assert path == "data.columns.txt"
    assert "Its columns: text, label. Did you mean 'text'?" in words


def test_a_template_replaces_the_columns_of_the_task():
    from engram.config.check_data import check_data

    columns = {"text": "review", "label": "stars"}
    data = Data((Source(path="a"),), columns=columns)
    assert list(check_data(recipe(ASK, data=data), GENERATE)) == []
    assert [one.path for one in check_data(recipe("normalise", data=data), GENERATE)] != []


def test_tokenise_is_read_as_the_longest_row(load):
    loaded = load("prep:\n  - normalise\n  - tokenise: {max_length: 64}\n")
    assert loaded.recipe.train.max_seq_length == 64
    (note,) = loaded.notes
    assert note.endswith("mine.yaml:9: the prep step 'tokenise' is read as 'train.max_seq_length: 64'.")
    (origin,) = explain_recipe(loaded, "train.max_seq_length")
    assert origin.value == 64
    assert origin.origin.endswith("mine.yaml:9")


def test_both_may_say_the_same_and_nothing_else(load):
    text = "prep: [{tokenise: {max_length: 64}}]\n"
    assert load(text + "train: {max_seq_length: 64}").notes == ()
    for more in ({"sets": ["train.max_seq_length=65"]}, {}):
        with pytest.raises(RecipeProblems) as caught:
            load(text + ("" if more else "train: {max_seq_length: 65}"), **more)
        (one,) = caught.value.problems
        assert one.line == 7
        assert "says that 'train.max_seq_length' is 64, and it is 65. Say it in one place." in str(one)


def test_pack_is_read_as_packing_and_the_tokens_of_a_batch():
    tree = Tree({"prep": ["normalise", {"pack": {"tokens": 512}}]}, {("prep", 1): Mark("a.yaml:3", "a.yaml:3")})
    settled, notes = settle_prep(tree)
    assert settled.data["train"] == {PACKING: True, "tokens_per_batch": 512}
    assert notes == (
        "a.yaml:3: the prep step 'pack' is read as 'train.packing: true'.",
        "a.yaml:3: the prep step 'pack' is read as 'train.tokens_per_batch: 512'.",
    )
    assert settle_prep(Tree({"prep": ["pack"]}))[0].data["train"] == {PACKING: True}
    kept, _ = settle_prep(Tree({"prep": ["pack"], "train": {PACKING: False}}))
    assert kept.data["train"] == {PACKING: False}


@pytest.mark.skipif(not hasattr(Train, PACKING), reason="this Engram has no train.packing yet")
def test_pack_turns_packing_on(load):
    loaded = load("prep: [{pack: {tokens: 512}}]\ntrain: {max_seq_length: 64}")
    assert (getattr(loaded.recipe.train, PACKING), loaded.recipe.train.tokens_per_batch) == (True, 512)
    with pytest.raises(RecipeProblems, match="is true, and it is false"):
        load("prep: [pack]\ntrain: {packing: false}")


@pytest.mark.parametrize(
    "prep",
    [
        None,
        3,
        "pack",
        [3],
        ["no such"],
        [{"tokenise": {}}],
        [{"tokenise": {"max_length": "x"}}],
        [{"pack": {"tokens": -1}}],
    ],
)
def test_steps_that_can_not_be_read_are_left_for_the_checks(prep):
    tree = Tree({"prep": prep})
    assert settle_prep(tree) == (tree, ())
    assert settle_prep(Tree({"prep": ["pack"], "train": 5}))[0].data["train"] == 5


def test_the_threshold_goes_with_near_only():
    def faults(clean: Clean) -> list[str]:
        base = load_recipe("quickstart").recipe
        return [
            str(one)
            for one in check_recipe(dataclasses.replace(base, data=dataclasses.replace(base.data, clean=clean)))
        ]

    assert faults(Clean("near", near_threshold=0.7)) == []
    assert any("goes with deduplicate: near, and it is exact" in one for one in faults(Clean(near_threshold=0.7)))
    assert any("at least 0.5 and at most 1, not 0.4" in one for one in faults(Clean("near", near_threshold=0.4)))


def whole(prep: object) -> dict:
    return {**copy.deepcopy(read_tree(find_recipe("sentiment_analysis")).data), "prep": prep}


@pytest.mark.parametrize(
    "prep",
    [
        [],
        ["normalise", ASK, {"augment": {"copies": 2, "delete": 0}}, "pack"],
        [{"normalise": None}],
        [{"pack": {"tokens": None}}],
        [{"tokenise": {"max_length": 256}}],
    ],
)
def test_editors_take_what_the_loader_takes(prep):
    SCHEMA.validate(whole(prep))
    assert told(*prep) == []


@pytest.mark.parametrize(
    "prep",
    [
        "normalise", ["normalize"], ["instruct"], [{"instruct": {}}], [{"instruct": {"template": 3}}],
        [{"instruct": {"template": "{text}", "tone": "kind"}}], [{"normalise": {"x": 1}}], [{"augment": {"delete": 2}}],
        [{"augment": {}, "pack": {}}], [{}], [3], ["tokenise"], [{"tokenise": {"max_length": 0}}],
    ],
)  # fmt: skip
def test_editors_mark_what_the_loader_refuses(prep):
    assert not SCHEMA.is_valid(whole(prep))
    try:
        assert isinstance(prep, str) or told(*prep)
        from_dict(Recipe, whole(prep) | {"profiles": None})
    except FieldProblem:
        pass


def test_editors_say_what_each_option_is():
    blocks = recipe_schema()["properties"]["prep"]["items"]["anyOf"][1]["properties"]
    assert set(blocks) == set(registry.names("prep step"))
    assert blocks["augment"]["properties"]["delete"] == {
        "type": "number", "description": "how likely a word is left out.", "default": 0.1, "minimum": 0, "maximum": 1,
    }  # fmt: skip
    assert blocks["instruct"]["required"] == ["template"]


def test_steps_do_their_work_where_it_belongs():
    steps = (PrepStep("normalise"), PrepStep("instruct", ASK["instruct"]), PrepStep("augment", {"copies": 2}))
    asked = plan(steps)
    assert [step("  a ") for step in asked.texts] == ["a"]
    assert asked.names == ("normalise/1", 'instruct/1 {"template":"Sum up: {text}"}')
    assert asked.composer is not None
    assert list(training_rows(steps[:2], [], seed=1, labels=())) == []


def test_a_text_step_may_have_options(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Options:
        """Options.

        end: what is added.
        """

        end: str = "!"

    step = Step("shout", "3", lambda text, options: text.upper() + options.end, options=Options)
    monkeypatch.setattr(registry, "get", lambda what, name: step)
    asked = plan((PrepStep("shout", {"end": "?"}),))
    assert asked.texts[0]("so") == "SO?"
    assert asked.names == ('shout/3 {"end":"?"}',)
    assert plan((PrepStep("shout"),)).texts[0]("so") == "SO!"
