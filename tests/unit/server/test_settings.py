"""Settings: typed, bounded, audited, effective at once; and what they bound in a recipe."""

from __future__ import annotations

import dataclasses

import pytest
from support.people import people

from engram.config.load import load_recipe
from engram.errors import Forbidden, UnknownName
from engram.security.limits import DEFAULT_BUDGETS
from engram.server.recipe_policy import check_policy
from engram.server.settings_table import ROWS, row_of
from engram.server.uploads import QUOTAS


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with people(tmp_path_factory.mktemp("settings")) as one:
        yield one


def put(house, name, value, **headers):
    return house.call("root", "PUT", f"/settings/{name}", {"value": value}, **headers)


def listed(house):
    return {one["name"]: one for one in house.call("root", "GET", "/settings").json()["items"]}


@pytest.mark.parametrize("name", ROWS)
def test_every_default_is_a_value_that_could_be_set(name):
    row = row_of(name)
    assert row.read(row.default) == row.default
    assert row.help.endswith(".") and row.shape["type"] in ("integer", "list", "text", "block")


def test_all_are_listed_with_default_bounds_and_help_and_who_changed_them_when(house):
    found = listed(house)
    assert set(found) == set(ROWS)
    fresh = found["train.max_seq_length"]
    assert (fresh["value"], fresh["default"], fresh["version"], fresh["changed_by"]) == (8192, 8192, 0, None)
    assert (fresh["least"], fresh["unit"]) == (16, "tokens")
    told = put(house, "train.max_seq_length", 512, If_Match='"0"')
    assert (told.status_code, told.headers["etag"]) == (200, '"1"')
    now = listed(house)["train.max_seq_length"]
    assert (now["value"], now["version"], now["changed_by"]) == (512, 1, house.ids["root"])
    assert now["changed"] is not None
    assert house.platform.setting("train.max_seq_length") == 512
    late = put(house, "train.max_seq_length", 1024, If_Match='"0"')
    assert (late.status_code, late.json()["error"]) == (412, "Changed")
    line = house.lines(operation="settings.write")[1]
    assert (line["subject"], line["detail"]) == ("train.max_seq_length", {"old": 8192, "new": 512})
    assert house.lines(operation="settings.write")[0]["outcome"] == "failed"
    put(house, "train.max_seq_length", 8192)


def test_an_unknown_name_is_answered_with_the_nearest(house):
    told = put(house, "train.max_seq_lenght", 1)
    assert told.status_code == 422 and "Did you mean 'train.max_seq_length'?" in told.json()["remedy"]
    with pytest.raises(UnknownName):
        house.platform.setting("nonsense")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train.max_seq_length", 15),
        ("train.max_seq_length", 2**21),
        ("train.max_seq_length", "512"),
        ("train.max_seq_length", True),
        ("train.max_seq_length", 512.0),
        ("train.max_seq_length", None),
        ("policy.hub", "org/*"),
        ("policy.hub", ["org/x y"]),
        ("policy.hub", ["*"] * 300),
        ("policy.remote_code", ["org/model"]),
        ("server.hosts", ["http://x"]),
        ("server.hosts", ["*"]),
        ("limits.per_user", "many"),
        ("limits.per_user", 5),
        ("limits.per_operation", {"runs.crate": "1/minute"}),
        ("limits.per_operation", {"*": "1/minute"}),
        ("limits.per_operation", {"runs.create": 5}),
        ("limits.per_operation", ["x"]),
        ("audit.keep_days", -1),
    ],
)
def test_a_value_that_means_nothing_is_refused_in_words_and_changes_nothing(house, name, value):
    before = listed(house)[name]
    told = put(house, name, value)
    assert told.status_code == 422 and told.json()["detail"], told.text
    assert listed(house)[name] == before


def test_quotas_of_uploads_are_the_settings_that_uploads_read():
    assert {name: row_of(name).default for name in QUOTAS} == QUOTAS


def test_only_an_admin_reads_and_changes_them(house):
    for name in ("ann", "eve"):
        assert house.call(name, "GET", "/settings").status_code == 403
        assert house.call(name, "PUT", "/settings/policy.hub", {"value": []}).status_code == 403


def test_a_budget_counts_at_the_next_request_and_what_was_spent_stays_spent(house):
    for _ in range(2):
        assert house.call("eve", "GET", "/policy").status_code == 200
    told = put(house, "limits.per_operation", {"policy.read": "3/minute"})
    assert told.status_code == 200, told.text
    assert [house.call("eve", "GET", "/policy").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert house.call("ann", "GET", "/policy").status_code == 200
    assert str(house.platform.limits.budgets["runs.create"]) == "60 per 1 minute"
    put(house, "limits.per_operation", {})
    assert house.call("eve", "GET", "/policy").status_code == 200
    assert set(house.platform.limits.budgets) == set(DEFAULT_BUDGETS)


def test_what_was_set_counts_after_a_restart_too(tmp_path):
    with people(tmp_path) as house:
        put(house, "limits.per_user", "7/minute")
        put(house, "policy.hub", ["org/*"])
    from engram.server.main import open_platform
    from engram.settings import load_settings

    with open_platform(load_settings({"ENGRAM_HOME": str(tmp_path)}), "http://127.0.0.1:1") as (again, password):
        assert password is None
        assert str(again.limits.budgets["*"]) == "7 per 1 minute" and again.setting("policy.hub") == ["org/*"]


# What they bound in a recipe


def run(house, name, *sets):
    return house.call(name, "POST", "/runs", {"recipe": "quickstart", "set": list(sets)})


@pytest.mark.parametrize("name", ["ann", "root"])
def test_a_run_beyond_the_context_window_is_refused_in_words_for_everybody(house, name):
    put(house, "train.max_seq_length", 128)
    assert run(house, name, "train.max_seq_length=128").status_code == 201
    told = run(house, name, "train.max_seq_length=129")
    assert told.status_code == 403
    assert "129 tokens; at most 128 are allowed here (setting train.max_seq_length)" in told.json()["detail"]
    assert "--set train.max_seq_length=128" in told.json()["remedy"]
    put(house, "train.max_seq_length", 8192)
    assert run(house, name, "train.max_seq_length=129").status_code == 201


@pytest.mark.parametrize(
    ("setting", "change"),
    [
        ("predict.max_new_tokens", "evaluate.max_new_tokens=65"),
        ("train.max_tokens_per_batch", "train.tokens_per_batch=65536"),
    ],
)
def test_tokens_of_answers_and_batches_are_bounded(house, setting, change):
    assert run(house, "ann", change).status_code == 201
    put(house, setting, 64)
    assert run(house, "ann", change).status_code == 403
    put(house, setting, ROWS[setting].default)


@pytest.mark.parametrize(
    ("patterns", "source", "allowed"),
    [
        (["*"], "org/model", True),
        ([], "org/model", False),
        (["org/*"], "org/model", True),
        (["org/*"], "other/model", False),
        (["org/*"], "orgs/model", False),
        (["org/model@v1"], "org/model@v1", True),
        (["org/model@v1"], "org/model@v2", False),
        (["org/model@v1"], "org/model", False),
        (["org/model"], "org/model@v2", True),
        ([], "embedded:minilm", True),
    ],
)
def test_hub_repositories_are_those_that_the_policy_allows(house, patterns, source, allowed):
    assert put(house, "policy.hub", patterns).status_code == 200
    for name in ("ann", "root"):
        told = run(house, name, f"model.source={source}")
        assert (told.status_code == 201) is allowed, told.text
        if not allowed:
            assert told.status_code == 403 and "policy.hub" in told.json()["detail"]
    put(house, "policy.hub", ["*"])


def test_data_of_the_hub_obeys_the_same_list(house):
    recipe = load_recipe("quickstart").recipe
    source = dataclasses.replace(recipe.data.sources[0], sample=None, hub="org/data")
    recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, sources=(source,)))
    check_policy(house.platform, recipe)
    put(house, "policy.hub", ["other/*"])
    with pytest.raises(Forbidden, match="org/data@main"):
        check_policy(house.platform, recipe)
    put(house, "policy.hub", ["*"])


def test_a_plugin_that_the_policy_does_not_name_is_used_by_no_run(house, monkeypatch):
    monkeypatch.setattr("engram.registry.plugin_of", lambda what, name: "engram-odd" if what == "metric" else "")
    recipe = load_recipe("quickstart", sets=["evaluate.metrics=[accuracy]"]).recipe
    check_policy(house.platform, recipe)
    put(house, "policy.plugins", ["engram-audio"])
    with pytest.raises(Forbidden, match=r"the plugin engram-odd.*policy\.plugins"):
        check_policy(house.platform, recipe)
    put(house, "policy.plugins", ["*"])
