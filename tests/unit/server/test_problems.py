"""What is asked for wrongly is answered as a problem document that helps."""

from __future__ import annotations

import pytest
from support import household
from support.household import House

from engram.server.app import api_routes
from engram.server.problems import nouns_of

house, quiet = household.house, household.quiet


def test_an_unknown_path_is_told_with_what_there_is(house: House):
    told = house.ask("ann", "GET", "/rums/r_1")
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")
    assert all(noun in told.json()["remedy"] for noun in nouns_of(api_routes()))
    assert "Did you mean 'runs'?" in told.json()["remedy"]
    assert {"runs", "artifacts", "deployments", "ledger", "reviews"} <= set(nouns_of(api_routes()))


@pytest.mark.parametrize("path", ["/runs/", "/deployments/", "/runs/r_1/"])
def test_a_slash_at_the_end_leads_nowhere_and_nowhere_else(house: House, path):
    told = house.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {house.keys['ann']}"})
    assert (told.status_code, told.json()["remedy"]) == (404, "A path has no slash at its end.")
    evil = house.client.get(f"/api/v1{path}", headers={"Host": "evil.example"})
    assert (evil.status_code, "evil.example" in str(evil.headers)) == (421, False)


def test_a_wrong_method_is_told_with_those_that_are_understood(house: House):
    told = house.ask("ann", "DELETE", "/runs")
    assert (told.status_code, told.headers["content-type"]) == (405, "application/problem+json")
    assert told.headers["allow"] == "GET, POST"
    assert told.headers["allow"] in told.json()["remedy"]


@pytest.mark.parametrize("text", ["name: mine\nlearing_rate: 1\n", "format: engram.recipe/1\nname: [", "a: b: c", "\0"])
def test_a_faulty_recipe_is_told_by_its_name_and_never_by_a_place_of_the_server(house: House, text):
    told = house.ask("ann", "POST", "/recipes", {"text": text})
    assert told.status_code == 422, told.text
    assert str(house.here.home) not in told.text
    assert ".yaml" not in told.text
    assert ("mine:" if "mine" in text else "recipe") in told.json()["detail"]


def test_a_saved_recipe_that_is_changed_wrongly_is_told_by_its_name(house: House):
    text = house.ask("ann", "GET", "/recipes/quickstart").json()["text"].replace("name: quickstart", "name: anns")
    assert house.ask("ann", "POST", "/recipes", {"text": text}).status_code == 201
    told = house.ask("ann", "POST", "/runs", {"recipe": "anns", "set": ["train.learning_rate=-1"]})
    assert (told.status_code, str(house.here.home) in told.text) == (422, False), told.text
