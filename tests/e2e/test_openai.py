"""The real `openai` client against a real server: a file, a fine-tuning on a base that is made on the spot, a chat."""

from __future__ import annotations

import json
import sys

import openai
import pytest
from support import talking
from support.home import Home
from support.served import rest, served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(Home(tmp_path_factory.mktemp("spoken"))) as one:
        yield one


def rows():
    """Return conversations as lines of JSON, none of them twice."""
    said = {row.messages[0]["content"]: row.messages[1]["content"] for row in talking.chats(400, seed=1)}
    for asked, answer in said.items():
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        yield json.dumps({"messages": messages}) + "\n"


def test_a_model_is_taught_and_answers_through_the_client_alone(server):
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key)
    sent = client.files.create(file=("talk.jsonl", "".join(rows()).encode()), purpose="fine-tune")
    asked = {"model": "made:causal", "training_file": sent.id, "suffix": "talk"}
    made = client.fine_tuning.jobs.create(**asked, hyperparameters={"n_epochs": 4})
    server.wait(made.id, "published")
    while (done := client.fine_tuning.jobs.retrieve(made.id)).status == "running":
        rest()
    assert done.status == "succeeded", done.error
    assert done.fine_tuned_model.startswith("ft-made-causal-talk-")
    told = [one.message for one in client.fine_tuning.jobs.list_events(made.id, limit=100)]
    assert "Gate of evaluate: advance" in told
    question = [{"role": "user", "content": "refund card twice bank"}]
    answer = client.chat.completions.create(model=done.fine_tuned_model, messages=question, temperature=0)
    assert answer.choices[0].message.content.strip() == talking.ANSWERS["payment"]
    assert answer.usage.completion_tokens > 0
    chunks = list(client.chat.completions.create(model=done.fine_tuned_model, messages=question, stream=True))
    pieces = [one.choices[0].delta.content for one in chunks if one.choices[0].delta.content]
    assert "".join(pieces) == answer.choices[0].message.content
    assert len(pieces) > 1
    with pytest.raises(openai.BadRequestError, match="tokens"):
        client.chat.completions.create(
            model=done.fine_tuned_model, messages=[{"role": "user", "content": "parcel " * 3000}]
        )
