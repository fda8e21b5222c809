"""Chats, completions and models through the real `openai` client, before an application in this process."""

from __future__ import annotations

import json

import openai
import pytest

from engram.errors import ServerAway
from engram.server.answering import MOST_READ, MOST_WRITTEN
from engram.store.records import settings


@pytest.fixture(scope="module")
def client(house):
    house.deploy("echo")
    house.deploy("tickets", task="classify")
    house.deploy("bobs", owner="bob")
    return client_of(house, "ann")


def client_of(house, name, key=None):
    return openai.OpenAI(
        base_url="http://127.0.0.1:1/v1", api_key=key or house.keys[name], http_client=house.client, max_retries=0
    )


def chat(client, said="hello there", **more):
    return client.chat.completions.create(model="echo", messages=[{"role": "user", "content": said}], **more)


def test_models_are_the_deployments_that_the_caller_sees(client):
    assert {one.id for one in client.models.list()} == {"echo", "tickets"}
    assert client.models.retrieve("echo").id == "echo"
    for name in ("bobs", "nothing"):
        with pytest.raises(openai.NotFoundError) as told:
            client.models.retrieve(name)
        assert told.value.body["message"] == f"There is no model {name!r}."


def test_a_chat_is_answered_with_the_tokens_it_took(client):
    answer = chat(client)
    assert answer.choices[0].message.content == "you said hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens == 10


def test_a_chat_comes_piece_by_piece_and_ends_with_its_usage(client):
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    pieces = [one.choices[0].delta.content for one in chunks if one.choices and one.choices[0].delta.content]
    assert pieces == ["you", " said", " hello", " there"]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == 4


@pytest.mark.parametrize("limit", [{"max_tokens": 2}, {"max_completion_tokens": 2}])
def test_limits_and_stops_reach_the_model(client, limit):
    assert chat(client, **limit).choices[0].finish_reason == "length"
    assert chat(client, stop="hello").choices[0].message.content == "you said "
    assert chat(client, stop=["x", "there"], temperature=0, n=1, top_p=1, seed=7).choices[0].message.content


def test_content_in_parts_and_other_roles_are_taken(client):
    messages = [
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]
    answer = client.chat.completions.create(model="echo", messages=messages)
    assert answer.choices[0].message.content == "you said ab"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"temperature": 0.7}, "temperature"),
        ({"top_p": 0.5}, "top_p"),
        ({"logprobs": True}, "logprobs"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"extra_body": {"guided_regex": "a+"}}, "guided_regex"),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name_and_never_ignored(client, more, param):
    with pytest.raises(openai.BadRequestError) as told:
        chat(client, **more)
    assert told.value.body["param"] == param
    assert told.value.body["type"] == "invalid_request_error"


def test_prompts_are_completed_each_with_its_choice(client):
    answer = client.completions.create(model="echo", prompt=["one", "two"], max_tokens=3)
    assert [(one.index, one.text) for one in answer.choices] == [(0, "you said one"), (1, "you said two")]
    chunks = list(client.completions.create(model="echo", prompt=["one", "two"], stream=True))
    for index, text in enumerate(("you said one", "you said two")):
        assert "".join(one.choices[0].text for one in chunks if one.choices[0].index == index) == text
    for more in ({"echo": True}, {"best_of": 3}, {"suffix": "x"}):
        with pytest.raises(openai.BadRequestError):
            client.completions.create(model="echo", prompt="a", **more)


def test_a_model_that_writes_nothing_says_what_it_can_do(client):
    with pytest.raises(openai.BadRequestError, match=r"text classification.*deployments/tickets/predict"):
        client.chat.completions.create(model="tickets", messages=[{"role": "user", "content": "a"}])
    with pytest.raises(openai.BadRequestError, match="can't give embeddings"):
        client.embeddings.create(model="echo", input="a")


def test_errors_of_every_kind_have_that_shape(client, house):
    with pytest.raises(openai.AuthenticationError) as told:
        client_of(house, "ann", key="egk_000000000000_" + "A" * 43).models.list()
    assert told.value.body["code"] == "invalid_api_key"
    with pytest.raises(openai.NotFoundError):
        client.get("/nothing/here", cast_to=object)
    house.core.broken = ServerAway("There is no core in this home.")
    try:
        with pytest.raises(openai.InternalServerError, match="no core"):
            chat(client)
        with pytest.raises(openai.InternalServerError, match="no core"):
            chat(client, stream=True)
    finally:
        house.core.broken = None


def test_the_rate_limit_speaks_that_shape_too(house, client, monkeypatch):
    from engram.errors import Throttled
    from engram.server import access

    def full(*asked):
        raise Throttled("Too many requests.", retry_after=3)

    monkeypatch.setattr(access, "spend", full)
    with pytest.raises(openai.RateLimitError) as told:
        chat(client)
    assert told.value.response.headers["retry-after"] == "3"
    assert told.value.body["code"] == "rate_limit_exceeded"


def test_an_error_in_the_middle_of_a_stream_reaches_the_reader(house, client, monkeypatch):
    def breaking(artifact, asked, options=None):
        yield "half", ""
        raise ServerAway("The core went away.")

    monkeypatch.setattr(house.core, "write", breaking)
    stream = chat(client, stream=True)
    assert next(iter(stream)).choices[0].delta.content == "half"
    with pytest.raises(openai.APIError, match="went away"):
        list(stream)


@pytest.fixture
def bounded(house):
    """Settings of the home that bound what is read and written."""
    for name, value in ((MOST_READ, 8), (MOST_WRITTEN, 3)):
        with house.platform.db.write() as tx:
            settings.put_setting(tx, name, value, actor="test")
    yield
    for name in (MOST_READ, MOST_WRITTEN):
        with house.platform.db.write() as tx:
            settings.put_setting(tx, name, None, actor="test")


def test_the_settings_of_the_home_bound_every_request(house, client, bounded):
    assert chat(client).usage.completion_tokens == 3
    assert chat(client, max_tokens=2).usage.completion_tokens == 2
    with pytest.raises(openai.BadRequestError, match="at most 8"):
        chat(client, "a b c d e f g")
    told = house.call("ann", "POST", "/api/v1/deployments/echo/predict", {"inputs": ["a b c d e f g"]})
    assert (told.status_code, told.json()["error"]) == (422, "UsageError")


def test_a_setting_that_is_no_number_binds(house, client):
    with house.platform.db.write() as tx:
        settings.put_setting(tx, MOST_READ, "many", actor="test")
    try:
        with pytest.raises(openai.InternalServerError, match=r"predict\.max_input_tokens"):
            chat(client)
    finally:
        with house.platform.db.write() as tx:
            settings.put_setting(tx, MOST_READ, None, actor="test")


def test_a_deployment_writes_lines_of_pieces_and_answers(house, client):
    told = house.call("ann", "POST", "/api/v1/deployments/echo/stream", {"inputs": ["a", "b"], "max_new_tokens": 2})
    lines = [json.loads(line) for line in told.text.splitlines()]
    assert [one.get("piece") for one in lines] == ["you", " said", None, "you", " said", None]
    assert [one["input"] for one in lines] == [0, 0, 0, 1, 1, 1]
    assert lines[2]["answer"]["finish_reason"] == "length"
    refused = house.call("ann", "POST", "/api/v1/deployments/echo/stream", {"inputs": ["a"], "max_input_tokens": 1})
    assert (refused.status_code, refused.json()["error"]) == (422, "UsageError")
