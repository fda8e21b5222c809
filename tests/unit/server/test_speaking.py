"""Speech through the real `openai` client and through the API: formats, voices, refusals, filters and streams."""

from __future__ import annotations

import io
import json

import numpy as np
import openai
import pytest
import soundfile
from support.filtered import scene_of

from engram.data.attached import from_url

TEXT = "one two three"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with scene_of(tmp_path_factory.mktemp("home")) as one:
        yield one


@pytest.fixture(scope="module")
def client(scene):
    url, key = "http://127.0.0.1:1/v1", scene.keys["ann"]
    return openai.OpenAI(base_url=url, api_key=key, http_client=scene.client, max_retries=0)


def say(client, text=TEXT, **more):
    return client.audio.speech.create(**{"model": "speaking", "voice": "ada", "input": text, **more})


@pytest.mark.parametrize(
    ("kind", "media"), [("wav", "audio/wav"), ("flac", "audio/flac"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg")]
)
def test_speech_comes_in_the_format_that_was_asked_for(client, kind, media):
    answer = say(client, response_format=kind)
    assert answer.response.headers["content-type"] == media
    assert answer.response.headers["x-engram-finish"] == "stop"
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    assert rate == 16_000
    assert len(samples) / rate == pytest.approx(0.13, abs=0.15 if kind == "mp3" else 0.01)


def test_without_a_format_it_is_mp3_as_clients_expect(client):
    assert say(client).response.headers["content-type"] == "audio/mpeg"


def test_pcm_has_the_rate_that_clients_play_it_at(client):
    samples = np.frombuffer(say(client, response_format="pcm").content, dtype="<i2")
    assert len(samples) == pytest.approx(0.13 * 24_000, abs=2)
    turns = np.count_nonzero(np.diff(np.signbit(samples[100:-100])))
    assert turns / 2 / ((len(samples) - 200) / 24_000) == pytest.approx(440, abs=10)


def test_the_bytes_can_be_taken_while_they_come(client, tmp_path):
    asked = {"model": "speaking", "voice": "ada", "input": TEXT * 20, "response_format": "wav"}
    with client.audio.speech.with_streaming_response.create(**asked) as answer:
        answer.stream_to_file(tmp_path / "speech.wav")
    assert soundfile.info(tmp_path / "speech.wav").duration == pytest.approx(2.6, abs=0.01)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"voice": "nobody"}, "voice 'nobody'"),
        ({"speed": 1.5}, "only 1 is supported"),
        ({"instructions": "whisper"}, "take no instructions"),
        ({"response_format": "aac"}, "response_format"),
        ({"input": ""}, "input"),
        ({"input": "a" * 5_000}, "input"),
        ({"stream_format": "sse"}, "stream_format"),
        ({"model": "echo"}, "can't speak: its task is"),
    ],
)
def test_what_can_not_be_done_is_refused_in_words(client, more, said):
    with pytest.raises(openai.BadRequestError) as told:
        say(client, **more)
    assert said in told.value.body["message"]


def test_a_model_that_there_is_not_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        say(client, model="nothing")


def test_a_filter_reads_what_is_to_be_spoken_and_not_the_sound(scene, client):
    rules = [
        {"id": "word", "pattern": "zorblax", "action": "block"},
        {"id": "riff", "pattern": "(?i)uklgr", "action": "block"},
    ]
    assert scene.set_filters(rules=rules, on=["requests", "responses"]).status_code == 200
    try:
        assert say(client, response_format="wav").content[:4] == b"RIFF"
        with pytest.raises(openai.BadRequestError, match="content filter"):
            say(client, text="say zorblax")
        lines = stream(scene)
        assert from_url(lines[0]["answer"]["file"])[:4] == b"RIFF"
    finally:
        scene.set_filters(on=[])


def stream(scene):
    asked = {"inputs": [TEXT, {"text": TEXT, "voice": "ada"}]}
    answer = scene.ask("ann", "POST", "/deployments/speaking/stream", asked)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_stream_gives_a_file_as_an_answer_and_not_as_pieces(scene):
    lines = stream(scene)
    assert [one["input"] for one in lines] == [0, 1]
    assert all("piece" not in one and from_url(one["answer"]["file"])[:4] == b"RIFF" for one in lines)


def test_predict_gives_the_file_as_a_data_url(scene):
    answer = scene.ask("ann", "POST", "/deployments/speaking/predict", {"inputs": [TEXT]}).json()["answers"][0]
    assert from_url(answer["file"])[:4] == b"RIFF"
    cards = {one["name"]: one for one in scene.ask("ann", "GET", "/kinds").json()["items"]}
    task = cards["tts"]["tasks"]["speak"]
    assert (task["predict_in"]["takes"], task["predict_out"]) == ("speech", {"gives": "file", "medium": "sound"})
