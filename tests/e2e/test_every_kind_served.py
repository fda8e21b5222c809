"""Every kind through server, gRPC, core and attempt by the recipe that ships: certified, deployed, asked over REST.

Minutes for each kind, so it is slow.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest
from support.home import make_home
from support.served import processes_of, served

from engram import registry
from engram.errors import UsageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the server is not offered on Windows"),
]

NO_FILE = "data:;base64,UklGRgAAAABXQVZF"  # the head of a sound, and nothing behind it


def sampled(file: str, column: str) -> str:
    """Return a cell of the first row of a sample."""
    with resources.files("engram.samples").joinpath(file).open(encoding="utf-8", newline="") as stream:
        row = json.loads(next(iter(stream))) if file.endswith(".jsonl") else next(csv.DictReader(stream))
    return str(row[column])


@dataclass(frozen=True)
class Asked:
    """A recipe of a kind, what its model is asked, whether it answers so, and what it refuses."""

    recipe: str
    input: Callable[[], Any]
    fits: Callable[[dict[str, Any]], bool]
    bad: Any


ASKED = {
    "audio": Asked("signal_sounds", lambda: sampled("signal_sounds.csv", "audio"), lambda one: "label" in one, NO_FILE),
    "embedding": Asked("similar_tickets", lambda: "Where is it?", lambda one: len(one["vector"]) == 384, ""),
    "language": Asked("quickstart", lambda: "Where is my parcel?", lambda one: "label" in one, {"no": "text"}),
    "rl": Asked("cartpole", lambda: [0.0, 0.1, 0.0, -0.1], lambda one: one["action"] in (0, 1), [0.0]),
    "stt": Asked("touch_tones", lambda: sampled("touch_tones.csv", "audio"), lambda one: "text" in one, NO_FILE),
    "tts": Asked("made_voices", lambda: "seven", lambda one: one["file"].startswith("data:"), ""),
    "vision": Asked(
        "strewn_shapes", lambda: sampled("strewn_shapes.jsonl", "image"), lambda one: bool(one["boxes"]), NO_FILE
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("kinds"), rows=10)
    with served(home) as one:
        yield one
    assert processes_of(home.folder) == []


def test_every_kind_has_its_recipe():
    assert sorted(ASKED) == sorted(registry.names("kind"))


@pytest.mark.parametrize("kind", sorted(ASKED))
def test_it_is_trained_certified_deployed_and_asked(server, kind):
    asked = ASKED[kind]
    run = server.call("POST", "/runs", {"recipe": asked.recipe}, headers={"Idempotency-Key": kind}, repeatable=True)
    record = server.wait(run["id"], "published")
    artifact = server.home.home / "artifacts" / record["artifact"].removeprefix("sha256:")
    told = server.home.engram("verify", str(artifact))
    assert told.returncode == 0, told.stdout + told.stderr
    server.call("POST", "/deployments", {"name": kind, "artifact": record["artifact"]}, query={"simulate": "advisory"})
    (answer,) = server.call("POST", f"/deployments/{kind}/predict", {"inputs": [asked.input()]})["answers"]
    assert asked.fits(answer), answer
    with pytest.raises(UsageError):
        server.call("POST", f"/deployments/{kind}/predict", {"inputs": [asked.bad]})
