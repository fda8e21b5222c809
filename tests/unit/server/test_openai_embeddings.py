"""Embeddings through the real `openai` client, before an application in this process."""

from __future__ import annotations

import json

import numpy as np
import openai
import pytest

WIDTH, CUT = 6, 2


def vector_of(text: str) -> list[float]:
    """Return the vector of a text: of length one, as float32 knows it."""
    numbers = np.random.default_rng(len(text)).standard_normal(WIDTH)
    return [float(one) for one in (numbers / np.linalg.norm(numbers)).astype(np.float32)]


@pytest.fixture
def client(house, monkeypatch):
    if "vectors" not in {one.id for one in client_of(house, "ann").models.list()}:
        house.deploy("vectors", kind="embedding", task="embed")

    def embed(artifact, inputs, options=None):
        for one in map(json.loads, inputs):
            yield json.dumps({"vector": vector_of(one), "tokens": len(one.split()), "cuts": [CUT]})

    monkeypatch.setattr(house.core, "predict", embed)
    return client_of(house, "ann")


def client_of(house, name):
    return openai.OpenAI(
        base_url="http://127.0.0.1:1/v1", api_key=house.keys[name], http_client=house.client, max_retries=0
    )


@pytest.mark.parametrize("more", [{}, {"encoding_format": "float"}])
def test_several_texts_are_answered_in_their_order_in_either_encoding(client, more):
    answer = client.embeddings.create(model="vectors", input=["a parcel is late", "thanks"], **more)
    assert [one.index for one in answer.data] == [0, 1]
    assert [one.embedding for one in answer.data] == [vector_of("a parcel is late"), vector_of("thanks")]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 5
    assert answer.model == "vectors"


def test_base64_holds_the_float32_numbers_themselves(client):
    told = client.embeddings.with_raw_response.create(model="vectors", input="thanks", encoding_format="base64")
    packed = json.loads(told.text)["data"][0]["embedding"]
    import base64

    assert np.frombuffer(base64.b64decode(packed), dtype="<f4").tolist() == vector_of("thanks")


def test_a_vector_is_cut_where_the_model_was_trained_to_be_cut_and_nowhere_else(client):
    cut = client.embeddings.create(model="vectors", input="thanks", dimensions=CUT).data[0].embedding
    begun = np.array(vector_of("thanks")[:CUT])
    assert cut == pytest.approx((begun / np.linalg.norm(begun)).tolist(), abs=1e-6)
    assert len(client.embeddings.create(model="vectors", input="thanks", dimensions=WIDTH).data[0].embedding) == WIDTH
    for wanted in (CUT + 1, WIDTH + 1):
        with pytest.raises(openai.BadRequestError, match=f"can't end after {wanted} numbers"):
            client.embeddings.create(model="vectors", input="thanks", dimensions=wanted)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"input": []}, None),
        ({"input": ["a"] * 257}, None),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "extra_body": {"truncate": True}}, "truncate"),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(client, given, param):
    with pytest.raises(openai.BadRequestError) as told:
        client.embeddings.create(model="vectors", **given)
    said = str(told.value.body["param"] or "")
    assert said.split(".")[0] == (param or "")


def test_only_who_sees_a_deployment_gets_vectors_and_others_say_what_they_do(house, client):
    with pytest.raises(openai.NotFoundError):
        client_of(house, "bob").embeddings.create(model="vectors", input="a")
    house.deploy("writer")
    with pytest.raises(openai.BadRequestError, match=r"can't give embeddings.*text generation"):
        client.embeddings.create(model="writer", input="a")
    with pytest.raises(openai.BadRequestError, match="can't write text"):
        client.chat.completions.create(model="vectors", messages=[{"role": "user", "content": "a"}])
