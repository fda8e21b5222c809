"""Recipes asked about before they run, the recipe of a run, and the ledger of one subject."""

from __future__ import annotations

import yaml
from support import household
from support.household import House

from engram.config.load import load_recipe
from engram.config.shipped import find_recipe
from engram.store.records import artifacts, runs

house, quiet = household.house, household.quiet
TEXT = find_recipe("quickstart").read_text(encoding="utf-8")


def ask(house: House, body: dict, who: str = "ann") -> dict:
    told = house.ask(who, "POST", "/recipes/validate", body)
    assert told.status_code == 200, told.text
    return told.json()


def kept(house: House) -> set:
    return {str(path) for path in house.here.home.rglob("*.yaml")}


def test_a_recipe_that_holds_is_told_with_every_key_its_digest_and_its_gates(house: House):
    before = kept(house)
    said = ask(house, {"text": TEXT})
    loaded = load_recipe("quickstart", environment={})
    assert (said["valid"], said["problems"], said["name"]) == (True, [], "quickstart")
    assert said["digest"] == loaded.digest
    whole = yaml.safe_load(said["text"])
    assert (whole["train"]["weight_decay"], whole["simulate"]["seconds"]) == (0.01, 3.0)
    assert {"data", "evaluate"} <= {one["stage"] for one in said["gates"]}
    assert not any(one["own"] for one in said["gates"])
    assert kept(house) == before, "nothing of it is stored"
    assert [one["name"] for one in house.ask("ann", "GET", "/recipes").json()["items"] if one["number"]] == []


def test_what_is_known_beforehand_is_counted_and_never_guessed(house: House):
    said = ask(house, {"recipe": "quickstart"})["known"]
    assert said == {"rows": 1677, "train_rows": 1174, "steps": 148, "earlier": None}
    few = ask(house, {"recipe": "quickstart", "set": ["data.limit=100", "train.max_steps=7"]})["known"]
    assert (few["rows"], few["train_rows"], few["steps"]) == (100, 70, 7)
    packed = ask(house, {"recipe": "quickstart", "set": ["train.tokens_per_batch=4096"]})["known"]
    assert (packed["train_rows"], packed["steps"]) == (1174, None)
    hub = TEXT.replace("{sample: support_tickets, license: CC0-1.0}", "{hub: org/name, license: cc0}")
    assert ask(house, {"text": hub})["known"]["rows"] is None


def test_how_long_an_earlier_run_of_ones_own_took_is_told(house: House):
    run = house.begin("bob")
    house.move(run, "running", "published")
    with house.here.db.read() as tx:
        one = runs.get_run(tx, run)
    earlier = ask(house, {"recipe": "quickstart"}, "bob")["known"]["earlier"]
    assert (earlier["run"], earlier["same"]) == (run, False), "its simulation was shorter"
    assert earlier["seconds"] == round((one.ended - one.started) / 1e6, 1)
    sets = {"recipe": "quickstart", "set": household.SETS}
    assert ask(house, sets, "bob")["known"]["earlier"]["same"] is True
    assert ask(house, {"recipe": "quickstart"}, "ann")["known"]["earlier"] is None


def test_every_fault_has_its_line_its_key_and_what_was_likely_meant(house: House):
    text = TEXT.replace("learning_rate", "learing_rate").replace("metrics: [accuracy,", "metrics: [acuracy,")
    said = ask(house, {"text": text})
    assert (said["valid"], said["text"], said["digest"], said["gates"]) == (False, "", "", [])
    key, metric = said["problems"]
    lines = text.splitlines()
    assert (key["key"], key["about"], key["suggestion"]) == ("train.learing_rate", "key", "learning_rate")
    assert lines[key["line"] - 1][key["column"] - 1 :].startswith("learing_rate")
    assert (metric["key"], metric["about"], metric["suggestion"]) == ("evaluate.metrics.0", "value", "accuracy")
    assert "acuracy" in lines[metric["line"] - 1]
    assert said["known"] == {"rows": None, "train_rows": None, "steps": None, "earlier": None}


def test_text_that_is_no_yaml_and_changes_that_mean_nothing_are_told_with_their_place(house: House):
    (broken,) = ask(house, {"text": "name: [a\nkind: b\n"})["problems"]
    assert broken["line"] in (1, 2)
    assert "recipe.yaml" not in broken["message"]
    assert "/tmp" not in broken["message"]
    (change,) = ask(house, {"recipe": "quickstart", "set": ["data.sources.4.path=x"]})["problems"]
    assert (change["line"], change["key"]) == (0, "data.sources.4.path")
    (profile,) = ask(house, {"recipe": "quickstart", "profile": "none_such"})["problems"]
    assert "none_such" in profile["message"]


def test_a_gate_that_would_be_loosened_is_a_fault_and_a_tightened_one_is_the_recipes_own(house: House):
    gates = "{data: [{metric: lost_tokens_rate, at_most: 0.001}], evaluate: [{metric: ece, at_most: 0.01}]}"
    said = ask(house, {"text": f"{TEXT}\ngates: {gates}\n"})
    own = [one["metric"] for one in said["gates"] if one["own"]]
    assert own == ["lost_tokens_rate", "ece"], said["problems"]
    asked = next(one for one in said["gates"] if not one["own"] and one["op"] == ">=")
    looser = f"\ngates: {{{asked['stage']}: [{{metric: {asked['metric']}, at_least: -1}}]}}\n"
    (fault,) = ask(house, {"text": TEXT + looser})["problems"]
    assert fault["key"] == "gates"
    assert "loosens" in fault["message"]


def test_only_an_admin_may_name_places_and_only_ones_own_datasets_are_there(house: House):
    place = TEXT.replace("{sample: support_tickets,", "{path: /etc/passwd, format: text,")
    (fault,) = ask(house, {"text": place})["problems"]
    assert fault["key"] == "data.sources"
    assert "Admin" in fault["message"]
    assert "Admin" not in str(ask(house, {"text": place}, "root")["problems"])
    unknown = TEXT.replace("{sample: support_tickets,", "{dataset: mails.csv,")
    (missing,) = ask(house, {"text": unknown})["problems"]
    assert missing["message"].startswith("There is no dataset mails.csv.")


def test_exactly_one_recipe_is_asked_about_and_anothers_does_not_exist(house: House):
    for body in ({}, {"text": TEXT, "recipe": "quickstart"}):
        assert house.ask("ann", "POST", "/recipes/validate", body).status_code == 422
    text = TEXT.replace("name: quickstart", "name: of_bob")
    assert house.ask("bob", "POST", "/recipes", {"text": text}).status_code == 201
    assert ask(house, {"recipe": "of_bob"}, "bob")["valid"]
    assert house.ask("ann", "POST", "/recipes/validate", {"recipe": "of_bob"}).status_code == 404
    assert house.ask("ann", "POST", "/recipes/validate", {"template": "t_x"}).status_code == 404


def test_the_schema_has_each_keys_help_default_and_bounds_and_the_samples(house: House):
    told = house.ask("eve", "GET", "/recipes/schema").json()
    train = told["properties"]["train"]["properties"]
    assert train["seed"] == {"type": "integer", "minimum": 0, "maximum": 2**32 - 1, "default": 42}
    assert "truncated" in train["max_seq_length"]["description"]
    source = told["properties"]["data"]["properties"]["sources"]["items"]["properties"]
    assert "support_tickets" in source["sample"]["examples"]


def test_a_runs_recipe_is_what_it_used_and_the_text_with_what_was_changed_for_it(house: House):
    made = house.ask("ann", "POST", "/runs", {"recipe": "quickstart", "set": ["train.seed=7"]}).json()
    said = house.ask("ann", "GET", f"/runs/{made['id']}/recipe").json()
    assert yaml.safe_load(said["text"]) == said["recipe"]
    assert list(said["recipe"])[:3] == ["name", "kind", "task"]
    assert said["recipe"]["train"]["seed"] == 7
    assert said["written"] == TEXT
    assert said["changes"] == [{"path": ["train", "seed"], "value": 7}]
    assert said["digest"] == load_recipe("quickstart", sets=["train.seed=7"], environment={}).digest
    (house.here.folder(made["id"]).path / "recipe.yaml").write_text("name: [", encoding="utf-8")
    assert house.ask("ann", "GET", f"/runs/{made['id']}/recipe").json()["written"] == ""
    assert house.ask("bob", "GET", f"/runs/{made['id']}/recipe").status_code == 404


def test_the_ledger_is_asked_for_one_subject_and_goes_on_where_it_stopped(house: House, monkeypatch):
    ledger = house.here.ledger
    for number in range(9):
        ledger.append("run.deleted", "r_often" if number % 3 == 0 else f"r_often{number}", {"state": "cancelled"})
    path = "/ledger/entries?subject=r_often&limit=2"
    first = house.ask("eve", "GET", path).json()
    rest = house.ask("eve", "GET", f"{path}&start={first['next']}").json()
    assert [one["subject"] for one in first["items"] + rest["items"]] == ["r_often"] * 3
    assert rest["next"] is None
    monkeypatch.setattr("engram.ledger.log.PIECE", 2)
    found, start, pieces = [], 0, 0
    while start is not None:
        page = house.ask("eve", "GET", f"/ledger/entries?subject=r_often&start={start}").json()
        found, start, pieces = found + page["items"], page["next"], pieces + 1
    assert (len(found), pieces > 3) == (3, True)
    assert house.ask("eve", "GET", f"/ledger/entries?subject=r_often&start={ledger.size + 9}").json()["items"] == []


def test_a_judge_is_an_artifact_that_the_caller_may_read(house: House):
    digest = "sha256:" + "a" * 64
    with house.here.db.write() as tx:
        owner = house.ids["bob"]
        artifacts.put_artifact(
            tx, digest=digest, name="ears", owner=owner, run="r_1", bytes=1, kind="audio", task="classify"
        )
    asked = {"recipe": "quickstart", "set": [f"evaluate.judge={digest}"]}
    assert ask(house, asked, "bob")["valid"]
    for who, said in (("ann", asked), ("bob", {**asked, "set": ["evaluate.judge=sha256:" + "b" * 64]})):
        (problem,) = ask(house, said, who)["problems"]
        assert problem["key"] == "evaluate.judge"
        assert problem["message"].startswith("There is no artifact sha256:")
    (problem,) = ask(house, {**asked, "set": ["evaluate.judge=ears"]}, "bob")["problems"]
    assert "must be the digest of an artifact" in problem["message"]
