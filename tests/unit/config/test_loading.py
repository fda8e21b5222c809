"""Recipes as users load them: who wins, what is expanded, which faults are told and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.coming import COMING

from engram.config.load import LOCAL_TEST_ROWS, LOCAL_TEST_STEPS, load_recipe
from engram.config.problems import RecipeProblems
from engram.errors import NotFound, RecipeError, UnknownName, UsageError
from engram.files import json_digest
from engram.schema.codec import from_dict, to_dict
from engram.schema.recipe import Recipe

WHOLE = """\
format: engram.recipe/1
name: reviews
kind: language
task: classify
model: {source: "embedded:minilm"}
data:
  sources:
    - {path: rows.csv}
  columns: {text: text, label: label}
train:
  learning_rate: 1e-3
  seed: 1
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "r.yaml") -> str:
        Path(name).write_text(text, encoding="utf-8")
        return name

    return write


def lines(write, text: str, **options) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(text), environment={}, **options)
    return str(caught.value).splitlines()


def test_a_recipe_file_becomes_a_record_with_its_digest_and_origins(write):
    loaded = load_recipe(write(WHOLE), environment={})
    assert loaded.recipe.name == "reviews"
    assert loaded.recipe.train.learning_rate == 1e-3
    assert loaded.digest == json_digest(to_dict(loaded.recipe))
    assert loaded.origins["train.seed"] == "r.yaml:12"
    assert loaded.origins["data.sources.0.path"] == "r.yaml:8"
    assert "train.max_grad_norm" not in loaded.origins
    assert loaded.folder == Path.cwd()
    assert from_dict(Recipe, to_dict(loaded.recipe)) == loaded.recipe


def test_comments_and_order_do_not_change_the_digest_and_values_do(write):
    first = load_recipe(write(WHOLE), environment={}).digest
    moved = "train: {seed: 1, learning_rate: 0.001}  # moved\n" + WHOLE.split("train:")[0]
    assert load_recipe(write(moved), environment={}).digest == first
    assert load_recipe(write(WHOLE), sets=["train.seed=2"], environment={}).digest != first


def test_a_misspelt_key_is_told_with_file_line_known_keys_and_the_nearest(write):
    (line,) = lines(write, WHOLE.replace("learning_rate", "learing_rate"))
    assert line.startswith("r.yaml:11: unknown key 'learing_rate' in 'train'. Known keys: learning_rate, ")
    assert line.endswith("Did you mean 'learning_rate'?")


def test_all_faults_of_a_file_are_told_at_once_in_the_order_of_their_lines(write):
    bad = """\
name: Bad Name
kind: languag
task: classify
model: {sorce: x}
data:
  sources:
    - {path: a.csv, sample: b, license: cc-by-nc-4.0}
    - {path: "${NOPE}/x"}
  split: {train: 0.9, valid: 0.1, test: 0.1}
train:
  learing_rate: 1e-3
  seed: -1
  lr_scheduler_type: cosin
evaluate: {metrics: [acuracy]}
"""
    told = lines(write, bad)
    assert [int(line.split(":")[1]) for line in told] == [1, 2, 4, 7, 7, 8, 9, 11, 12, 13, 14]
    assert "Did you mean 'accuracy'?" in told[-1]
    assert "'path', 'sample', 'hub' and 'dataset'" in told[3]


def test_missing_keys_are_told_and_an_echo_of_a_misspelt_one_is_not(write):
    told = lines(write, "nam: x\nkind: language\n")
    assert told[0].startswith("r.yaml:1: unknown key 'nam'")
    assert [line.split("the key ")[1] for line in told[1:]] == [
        "'task' is missing.",
        "'model' is missing.",
        "'data' is missing.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("seed: 1", "seed: '1'", "r.yaml:12: 'train.seed' must be a whole number, not the text '1'."),
        ("seed: 1", "seed: true", "r.yaml:12: 'train.seed' must be a whole number, not true."),
        ("seed: 1", "seed: 1.5", "r.yaml:12: 'train.seed' must be a whole number, not the number 1.5."),
        ("train:\n  learning_rate: 1e-3\n  seed: 1", "train: 3", "r.yaml:10: 'train' must be a block of keys"),
        ("- {path: rows.csv}", "- rows.csv", "r.yaml:8: 'data.sources.0' must be a block of keys"),
        ("engram.recipe/1", "engram.recipe/2", "r.yaml:1: this Engram reads the format 'engram.recipe/1'"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_its_line(write, old, new, told):
    (line,) = lines(write, WHOLE.replace(old, new))
    assert line.startswith(told)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just words\n"])
def test_a_file_that_is_no_block_of_keys_is_refused(write, text):
    (line,) = lines(write, text)
    assert line.startswith("r.yaml:1: the file ")
    assert line.endswith("engram recipes new NAME")


def test_flag_beats_set_beats_environment_beats_profile_beats_file(write):
    text = WHOLE + "profiles:\n  p: {train: {seed: 2}}\n"
    file = write(text)
    env = {"ENGRAM_TRAIN__SEED": "3"}

    def seed(**options):
        loaded = load_recipe(file, **options)
        return loaded.recipe.train.seed, loaded.origins["train.seed"]

    assert seed(environment={}) == (1, "r.yaml:12")
    assert seed(environment={}, profile="p") == (2, "profile 'p' (r.yaml:14)")
    assert seed(environment=env, profile="p") == (3, "ENGRAM_TRAIN__SEED")
    assert seed(environment=env, sets=["train.seed=4"]) == (4, "--set train.seed")
    assert seed(environment=env, sets=["train.seed=4", "train.seed=5"]) == (5, "--set train.seed")
    assert seed(environment=env, sets=["train.seed=4"], flags={"train.seed": 6}) == (6, "a flag")


def test_a_profile_merges_blocks_and_replaces_lists(write):
    text = (
        WHOLE + "export: [adapter, merged]\nprofiles:\n  p: {train: {seed: 2}, export: [merged], model: {source: x}}\n"
    )
    recipe = load_recipe(write(text), profile="p", environment={}).recipe
    assert (recipe.train.seed, recipe.train.learning_rate) == (2, 1e-3)
    assert recipe.export == ("merged",)
    assert recipe.model.source == "x"


def test_a_profile_that_is_not_there_is_told_with_those_that_are(write):
    text = WHOLE + "profiles: {offline: {}}\n"
    (line,) = lines(write, text, profile="ofline")
    assert line == "r.yaml:13: there is no profile 'ofline'. Its profiles: offline. Did you mean 'offline'?"
    assert "It has none." in lines(write, WHOLE, profile="x")[0]
    assert "'profiles' must be a block" in lines(write, WHOLE + "profiles: {a: 3}\n")[0]


def test_a_fault_inside_a_profile_has_the_line_of_the_profile(write):
    text = WHOLE + "profiles:\n  p:\n    train: {sed: 2}\n"
    assert load_recipe(write(text), environment={}).profiles == ("p",)
    (line,) = lines(write, text, profile="p")
    assert line.startswith("r.yaml:15: unknown key 'sed' in 'train'")


def test_set_takes_yaml_lists_numbers_of_items_and_null(write):
    file = write(WHOLE)
    sets = ["export=[merged]", "data.sources.0.path=other.csv", "train.tokens_per_batch=2048", "train.max_steps=~"]
    recipe = load_recipe(file, sets=sets, environment={}).recipe
    assert recipe.export == ("merged",)
    assert recipe.data.sources[0].path == "other.csv"
    assert (recipe.train.tokens_per_batch, recipe.train.max_steps) == (2048, None)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("train.learing_rate=1", "--set train.learing_rate: unknown key 'learing_rate' in 'train'."),
        ("train.seed=x", "--set train.seed: 'train.seed' must be a whole number"),
        ("train.seed", "--set train.seed: this is not KEY=VALUE."),
        ("=3", "--set =3: this is not KEY=VALUE."),
        ("data.sources.1.path=x", "--set data.sources.1.path: 'data.sources' is a list of 1, and '1' is none"),
        ("data.sources.path=x", "--set data.sources.path: 'data.sources' is a list of 1, and 'path' is none"),
        ("export=[a", "--set export: this is not YAML"),
    ],
)
def test_a_wrong_set_is_told_by_its_own_words(write, said, told):
    with pytest.raises(UsageError) as caught:
        load_recipe(write(WHOLE), sets=[said], environment={})
    assert str(caught.value).startswith(told)
    assert caught.value.exit_code == 2


def test_variables_are_expanded_in_texts_of_the_file_only(write):
    text = WHOLE.replace("rows.csv", '"${DATA:-here}/$${x}/${NAME}.csv"')
    path = load_recipe(write(text), environment={"NAME": "n"}).recipe.data.sources[0].path
    assert path == "here/${x}/n.csv"
    path = load_recipe(write(text), environment={"NAME": "n", "DATA": "/d"}).recipe.data.sources[0].path
    assert path == "/d/${x}/n.csv"
    path = load_recipe(write(text), environment={"NAME": "n", "DATA": ""}).recipe.data.sources[0].path
    assert path == "here/${x}/n.csv"
    said = load_recipe(write(WHOLE), sets=["title='${NAME}'"], environment={"NAME": "n"}).recipe.title
    assert said == "${NAME}"


def test_a_variable_that_is_not_set_is_told_with_its_line_unless_a_layer_replaces_it(write):
    text = WHOLE.replace("rows.csv", '"${NOPE}/rows.csv"')
    assert lines(write, text) == ["r.yaml:8: the variable NOPE is not set. Set it, or write ${NOPE:-default}."]
    recipe = load_recipe(write(text), sets=["data.sources.0.path=a.csv"], environment={}).recipe
    assert recipe.data.sources[0].path == "a.csv"
    assert "begins no variable" in lines(write, WHOLE.replace("rows.csv", '"${not a name}"'))[0]


def test_names_of_other_tools_are_read_with_a_note(write):
    text = WHOLE.replace("seed: 1", "epochs: 2\n  save_steps: 7").replace("model: {source", "model: {source")
    loaded = load_recipe(write(text + "lora_r: 4\n"), sets=["train.lr=0.5"], environment={})
    assert loaded.recipe.train.num_train_epochs == 2
    assert loaded.recipe.train.save_every.steps == 7
    assert loaded.recipe.adapter.r == 4
    assert loaded.recipe.train.learning_rate == 0.5
    assert "r.yaml:12: 'train.epochs' is read as 'train.num_train_epochs'." in loaded.notes
    assert loaded.origins["train.num_train_epochs"] == "r.yaml:12"


def test_a_borrowed_name_beside_ours_is_refused(write):
    (line,) = lines(write, WHOLE + "  lr: 1e-4\n")
    assert line.startswith("r.yaml:13: 'train.lr' and 'train.learning_rate' mean the same, and both are given.")


def test_every_borrowed_name_leads_to_a_key_that_exists_and_is_none_itself():
    from engram.config.aliases import ALIASES, CONVERTED

    keys = set()

    def walk(cls, path):
        import dataclasses
        import typing

        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            keys.add(".".join((*path, field.name)))
            if dataclasses.is_dataclass(hints[field.name]):
                walk(hints[field.name], (*path, field.name))

    walk(Recipe, ())
    targets = {*ALIASES.values(), *(ours for ours, _ in CONVERTED.values())}
    mapped = {name for name in targets if name.rpartition(".")[0] == "data.columns"}
    assert targets - mapped <= keys | COMING
    assert not ({*ALIASES, *CONVERTED}) & keys
    assert not {*ALIASES} & {*CONVERTED}


def test_a_local_test_is_small_offline_and_never_larger_than_asked(write):
    text = WHOLE + "profiles: {offline: {model: {source: local}}}\n"
    loaded = load_recipe(write(text), local_test=True, environment={})
    assert (loaded.recipe.data.limit, loaded.recipe.train.max_steps) == (LOCAL_TEST_ROWS, LOCAL_TEST_STEPS)
    assert loaded.recipe.model.source == "local"
    assert loaded.origins["data.limit"] == "--local-test"
    sets = ["data.limit=50", "train.max_steps=1000"]
    recipe = load_recipe(write(WHOLE), local_test=True, sets=sets, environment={}).recipe
    assert (recipe.data.limit, recipe.train.max_steps) == (50, LOCAL_TEST_STEPS)


def test_a_name_that_nobody_ships_and_a_file_that_is_not_there_are_told(write):
    with pytest.raises(UnknownName, match="Did you mean 'quickstart'"):
        load_recipe("quickstrt")
    with pytest.raises(NotFound, match=r"There is no recipe file nope\.yaml"):
        load_recipe("nope.yaml")
    with pytest.raises(RecipeError, match="can't be read"):
        Path("d.yaml").mkdir()
        load_recipe("d.yaml")


def test_problems_carry_their_place_for_programs(write):
    with pytest.raises(RecipeProblems) as caught:
        load_recipe(write(WHOLE.replace("seed: 1", "sed: 1")), environment={})
    (problem,) = caught.value.problems
    assert (problem.where, problem.line, problem.column, problem.key) == ("r.yaml:12", 12, 3, "train.sed")


def test_relative_paths_of_a_shipped_recipe_start_where_engram_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_recipe("quickstart", environment={}).folder == tmp_path
