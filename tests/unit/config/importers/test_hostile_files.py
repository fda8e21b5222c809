"""Whatever a file says, an import ends in words: three lists that cover it, or an error that a user can understand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engram.config.importers import autotrain, autotrain_keys, axolotl_data, trl
from engram.config.importers.importing import PEERS, import_config
from engram.config.parse import parse_yaml
from engram.config.tree import dotted, leaves
from engram.errors import NotFound, RecipeError, UnknownName, UsageError

scalars = (
    st.none() | st.booleans() | st.integers(-3, 10**6) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "lora", "cosine", "auto", "steps", "no", "alpaca", "org/name", "a.jsonl", "${X}", "x\ny"])
    | st.text(max_size=8)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda deeper: st.lists(deeper, max_size=2) | st.dictionaries(st.text("abc"), deeper, max_size=2),
    max_leaves=4,
)


def block(keys, **fixed):
    """Return a strategy of blocks with some of the keys, and always those that are fixed."""
    return st.fixed_dictionaries(
        fixed, optional=dict.fromkeys([key for key in (*keys, "zzz") if key not in fixed], values)
    ).map(lambda found: dict([*found.items()][: 8 + len(fixed)]))


PATHS = scalars | st.sampled_from(["org/a", "rows.jsonl", "./folder", "json", "s3://b/x"])
TYPES = values | st.sampled_from(["alpaca", "chat_template", "completion", "sharegpt"]) | block(axolotl_data.TYPE_RULES)
SETS = st.lists(block(axolotl_data.RULES, path=PATHS, type=TYPES) | values, max_size=3)
DESCRIBED = {
    "file_name": PATHS, "hf_hub_url": scalars, "formatting": st.sampled_from(["alpaca", "sharegpt", "x"]),
    "columns": values | block(["prompt", "query", "response", "messages", "tools", "images"]),
    "tags": values | block(["role_tag", "content_tag", "user_tag", "assistant_tag"]), "ranking": st.booleans(),
}  # fmt: skip
STRUCTURED = {
    "axolotl": st.fixed_dictionaries({"datasets": SETS, "test_datasets": SETS, "rl": st.sampled_from([None, "dpo"])}),
    "trl": st.fixed_dictionaries({"datasets": st.lists(block(trl.MIXED, path=PATHS) | values, max_size=3)}),
    "autotrain": st.fixed_dictionaries(
        {
            "task": st.sampled_from([*autotrain.TASKS, *autotrain.REWARDS, "tabular", 3]),
            "data": block(
                autotrain_keys.DATA, path=PATHS, train_split=scalars, valid_split=scalars,
                column_mapping=values | block(autotrain_keys.COLUMNS),
            ),
            "params": values | block(autotrain_keys.PARAMS, peft=scalars),
        }
    ),
    "llama-factory": st.fixed_dictionaries(
        {"dataset": PATHS | st.just("one, two"), "eval_dataset": PATHS, "stage": st.sampled_from(["sft", "pt", "dpo"])}
    ),
}  # fmt: skip


def written(folder: Path, data: object) -> Path:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return file


QUIET = settings(max_examples=25, suppress_health_check=[*HealthCheck], deadline=None)


@pytest.mark.parametrize("peer", PEERS)
@QUIET
@given(data=st.data())
def test_every_value_of_any_file_is_in_one_list(peer, tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    known = st.sampled_from([*PEERS[peer].rules])
    check(written(tmp_path, data.draw(st.dictionaries(known | st.just("zzz"), values, max_size=10))), peer)


@pytest.mark.parametrize("peer", PEERS)
@QUIET
@given(data=st.data())
def test_every_value_of_any_data_set_is_in_one_list(peer, tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir(exist_ok=True)
    described = data.draw(st.fixed_dictionaries({"one": st.fixed_dictionaries(DESCRIBED), "two": values}))
    (tmp_path / "dataset_info.json").write_text(json.dumps(described), encoding="utf-8")
    check(written(tmp_path, data.draw(STRUCTURED[peer])), peer)


def check(file, peer):
    """Import a file; each of its values must be in one list, and the recipe must be one."""
    found = import_config(file, peer=peer, partial=True)
    keys = [one.key for one in (*found.carried, *found.ignored, *found.unsupported)]
    tree = parse_yaml(file.read_bytes(), "config.yaml")
    for path, _ in leaves(tree.data):
        if path:
            leaf = dotted(path)
            assert sum(leaf == key or leaf.startswith(f"{key}.") for key in keys) == 1, leaf
    said = [dotted(path) for path, _ in leaves(tree.data)]
    assert [key for key in keys if not any(leaf == key or leaf.startswith(f"{key}.") for leaf in said)] == []
    if found.text is None:
        assert found.final
        return
    recipe = parse_yaml(found.text.encode(), "recipe.yaml").data
    assert recipe["format"] == "engram.recipe/1"
    assert recipe["data"]["sources"]
    assert recipe["model"]["source"]
    for one in found.added:
        assert one.reason


@pytest.mark.parametrize("peer", PEERS)
def test_a_file_of_wrong_names_only_is_told_in_a_moment(peer, tmp_path):
    file = written(tmp_path, {f"learning_rate_{number}": number for number in range(3000)})
    found = import_config(file, peer=peer)
    assert len(found.unsupported) == 3000
    assert found.text is None


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        ("a: [1\n", RecipeError, "c.yaml:1: this is not YAML"),
        ("a: !!python/object:os.system x\n", RecipeError, "c.yaml:1: tags"),
        ("a: 1\na: 2\n", RecipeError, "c.yaml:2: the key 'a' is given twice"),
        ("- a\n", RecipeError, "c.yaml:1: the file holds no block of keys"),
        ("", RecipeError, "c.yaml:1: the file is empty"),
        ("format: engram.recipe/1\nname: x\n", UsageError, "is a recipe of Engram already"),
        ("apiVersion: v1\nkind: Pod\n", UsageError, "no key of this file belongs to"),
        ("learning_rate: 1\noutput_dir: x\n", UsageError, "its keys fit llama-factory, axolotl and trl alike"),
    ],
)
def test_a_file_that_can_not_be_told_is_refused_in_words(tmp_path, monkeypatch, content, error, told):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(error) as caught:
        import_config(Path("c.yaml"))
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_and_a_tool_that_nobody_knows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match=r"There is no file nope\.yaml"):
        import_config(Path("nope.yaml"))
    with pytest.raises(UnknownName, match="Did you mean 'axolotl'"):
        import_config(written(tmp_path, {"a": 1}), peer="axolot")


def test_names_that_would_end_a_comment_or_begin_a_key_do_neither(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = "x\nname: evil\n# "
    file = written(
        tmp_path,
        {"base_model": evil, evil: 1, "datasets": [{"path": "org/a", "type": "alpaca", evil: 2}], "adapter": evil},
    )
    found = import_config(file, peer="axolotl", partial=True)
    recipe = parse_yaml(found.text.encode(), "recipe.yaml").data
    assert recipe["name"] == "config"
    assert recipe["model"]["source"] == evil.strip()


def test_variables_of_a_recipe_are_not_read_out_of_another_tools_file(tmp_path, monkeypatch):
    from engram.config.variables import expand

    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, {"base_model": "org/${HOME}", "datasets": [{"path": "a.jsonl", "type": "alpaca"}]})
    found = import_config(file, peer="axolotl")
    source = parse_yaml(found.text.encode(), "recipe.yaml").data["model"]["source"]
    assert expand(source, {"HOME": "secret"}) == "org/${HOME}"
