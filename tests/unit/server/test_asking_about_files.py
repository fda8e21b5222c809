"""Predictions about files: as they are, or as data: URLs; through the API and its core, with its limits and filters."""

from __future__ import annotations

import pytest
from support import sounds
from support.filtered import scene_of

from engram.data.attached import from_url, to_url

SOUND = sounds.sound(1)[1]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with scene_of(tmp_path_factory.mktemp("home")) as one:
        yield one


def send(scene, content: bytes, name: str = "hearing", who: str = "ann", **headers: str):
    given = {"Authorization": f"Bearer {scene.keys[who]}", "Content-Type": "application/octet-stream", **headers}
    return scene.client.post(f"/api/v1/deployments/{name}/predict/file", content=content, headers=given)


def test_a_file_reaches_the_model_byte_for_byte(scene):
    answer = send(scene, SOUND)
    assert answer.status_code == 200, answer.text
    assert answer.json()["artifact"] == scene.hearing
    assert from_url(answer.json()["answers"][0]["text"]) == SOUND


def test_a_file_may_stand_among_the_inputs_as_a_data_url(scene):
    answer = scene.ask("ann", "POST", "/deployments/hearing/predict", {"inputs": [to_url(SOUND), to_url(b"RIFF")]})
    assert [from_url(one["text"]) for one in answer.json()["answers"]] == [SOUND, b"RIFF"]


def test_the_largest_file_that_is_taken_reaches_the_model(scene):
    content = SOUND + bytes(4 * 2**20 - len(SOUND))
    answer = send(scene, content)
    assert answer.status_code == 200, answer.text
    assert len(from_url(answer.json()["answers"][0]["text"])) == len(content)


def test_a_larger_one_is_refused_before_it_is_read(scene):
    assert send(scene, bytes(4 * 2**20 + 1)).status_code == 413


def test_who_may_not_ask_a_deployment_may_not_send_it_a_file(scene):
    assert send(scene, SOUND, Authorization="Bearer nothing").status_code == 401
    assert send(scene, SOUND, name="nobody").status_code == 404


def test_a_model_of_texts_is_not_asked_about_files(scene):
    answer = send(scene, SOUND, name="echo")
    assert answer.status_code == 422
    assert "echo answers no files" in answer.json()["detail"]


def test_clients_learn_what_a_deployment_takes(scene):
    said = scene.ask("ann", "GET", "/deployments/hearing").json()
    assert (said["kind"], said["task"]) == ("audio", "classify")
    cards = {one["name"]: one for one in scene.ask("ann", "GET", "/kinds").json()["items"]}
    assert cards["audio"]["tasks"]["classify"]["predict_in"] == {"medium": "sound", "takes": "file"}


def test_a_filter_reads_texts_and_no_text_can_pass_for_a_file(scene):
    """What is a file is told by the card of the task: a text that looks like one is read all the same."""
    rules = [{"id": "riff", "pattern": "(?i)uklgr", "action": "block"}]
    set_up = scene.set_filters(rules=rules, on=["requests"])
    assert set_up.status_code == 200, set_up.text
    try:
        assert send(scene, SOUND).status_code == 200
        asked = {"inputs": [to_url(SOUND)]}
        assert scene.ask("ann", "POST", "/deployments/echo/predict", asked).status_code == 422
    finally:
        scene.set_filters(on=[])
