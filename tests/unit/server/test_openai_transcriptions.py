"""Transcriptions through the real `openai` client, before an application in this process."""

from __future__ import annotations

import io
import json

import openai
import pytest
from support import sounds

from engram.data.attached import from_url

SOUND = sounds.sound(1)[1]
TOLD = {
    "text": "one two three",
    "seconds": 62.5,
    "segments": [{"start": 0.5, "end": 1.25, "text": "one <two>"}, {"start": 61.0, "end": 62.04, "text": "three"}],
    "words": [
        {"word": "one", "start": 0.5, "end": 0.8},
        {"word": "<two>", "start": 0.9, "end": 1.25},
        {"word": "three", "start": 61.0, "end": 62.04},
    ],
}


@pytest.fixture(scope="module")
def heard(house):
    """Deploy a recogniser that remembers what it heard; one beside it tells no times of words."""
    digests = {house.deploy(name, task="transcribe", kind="stt"): name for name in ("ears", "plain")}
    house.deploy("echo")
    house.deploy("bobs", owner="bob", task="transcribe", kind="stt")
    heard: list[bytes] = []
    repeat = house.core.predict

    def predict(artifact, inputs, options=None):
        if artifact not in digests:
            yield from repeat(artifact, inputs, options)
            return
        heard.extend(from_url(json.loads(one)) for one in inputs)
        told = TOLD if digests[artifact] == "ears" else {name: TOLD[name] for name in ("text", "seconds", "segments")}
        yield from (json.dumps(told) for _ in inputs)

    house.core.predict = predict
    yield heard
    house.core.predict = repeat


@pytest.fixture(scope="module")
def client(house, heard):
    return client_of(house, "ann")


def client_of(house, name, key=None):
    return openai.OpenAI(
        base_url="http://127.0.0.1:1/v1", api_key=key or house.keys[name], http_client=house.client, max_retries=0
    )


def ask(client, model="ears", content=SOUND, **more):
    return client.audio.transcriptions.create(model=model, file=("note.wav", io.BytesIO(content)), **more)


def test_a_recording_reaches_the_model_byte_for_byte_and_its_text_comes_back(client, heard):
    assert ask(client).text == "one two three"
    assert heard[-1] == SOUND


def test_the_times_of_segments_and_words(client):
    answer = ask(client, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert answer.duration == 62.5
    assert [(one.start, one.end, one.text) for one in answer.segments][1] == (61.0, 62.04, "three")
    assert [one.word for one in answer.words] == ["one", "<two>", "three"]
    plain = ask(client, response_format="verbose_json")
    assert len(plain.segments) == 2
    assert plain.words is None


def test_a_model_that_tells_no_times_of_words_says_so(client):
    assert ask(client, "plain").text == "one two three"
    with pytest.raises(openai.BadRequestError, match="does not tell the times of words"):
        ask(client, "plain", response_format="verbose_json", timestamp_granularities=["word"])


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        ("text", "one two three\n"),
        (
            "srt",
            "1\n00:00:00,500 --> 00:00:01,250\none <two>\n\n2\n00:01:01,000 --> 00:01:02,040\nthree\n\n",
        ),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\none &lt;two&gt;\n\n00:01:01.000 --> 00:01:02.040\nthree\n\n",
        ),
    ],
)
def test_texts_and_subtitles(client, shape, written):
    assert ask(client, response_format=shape) == written


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"prompt": "be brief"}, "prompt: it is not supported"),
        ({"language": "de"}, "language: it is not supported"),
        ({"temperature": 0.5}, "temperature"),
        ({"stream": True}, "stream"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"include": ["logprobs"]}, "include"),
        ({"timestamp_granularities": ["word"]}, "goes with response_format verbose_json"),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name_and_never_ignored(client, more, said):
    with pytest.raises(openai.BadRequestError, match=said):
        ask(client, **more)


def test_who_may_not_ask_a_deployment_may_not_send_it_a_recording(client, house, heard):
    before = len(heard)
    with pytest.raises(openai.NotFoundError):
        ask(client, "bobs")
    with pytest.raises(openai.AuthenticationError):
        ask(client_of(house, "ann", key="egk_000000000000_" + "A" * 43))
    with pytest.raises(openai.BadRequestError, match="can't transcribe: its task is text generation"):
        ask(client, "echo")
    assert len(heard) == before


def test_the_largest_recording_is_taken_and_a_larger_one_is_not(client, heard):
    content = SOUND + bytes(4 * 2**20 - len(SOUND))
    assert ask(client, content=content).text
    assert len(heard[-1]) == len(content)
    with pytest.raises(openai.BadRequestError, match="more than 4194304 bytes"):
        ask(client, content=content + b"\0")
    with pytest.raises(openai.APIStatusError) as told:
        ask(client, content=content + bytes(2**17))
    assert told.value.status_code == 413


def test_what_is_no_form_is_refused_in_that_shape(house, client):
    answer = house.call("ann", "POST", "/v1/audio/transcriptions", {"model": "ears"})
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["error"]["message"]


def test_a_training_file_with_a_list_beside_it_is_refused(house, client):
    form = {"purpose": "fine-tune", "odd[]": ["a", "b"]}
    sent = house.client.post(
        "/v1/files",
        data=form,
        files={"file": ("a.jsonl", b"{}")},
        headers={"Authorization": f"Bearer {house.keys['ann']}"},
    )
    assert sent.status_code == 400
    assert "'odd' is not supported" in sent.json()["error"]["message"]
