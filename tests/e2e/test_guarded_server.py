"""A server with every door closed: TLS, a core off the loopback over mutual TLS, artifacts sealed on the disk."""

from __future__ import annotations

import socket
import sys
import time

import httpx
import pytest
from support.home import make_home
from support.served import served

from engram.client.trust import trusted_file
from engram.errors import Blocked
from engram.server.listening import listen_at

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="private memory is offered on Linux")
CANARY = "canarywordinthelabels"


def own_address() -> str:
    """Return an address of this machine that is not the loopback, where it has one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A guarded server whose one run is published and deployed."""
    home = make_home(tmp_path_factory.mktemp("guarded"), rows=150)
    listen_at(home.home, "127.0.0.1", 1, time.time, tls=True)  # so that the tests trust what will be served
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGRAM_CA", str(trusted_file(home.home)))
        with served(home, "--tls", "--seal", "--core-host", own_address()) as one:
            recipe = (home.folder / "toy.yaml").read_text()
            recipe = recipe.replace("path: tickets.csv", f"path: {home.folder}/tickets.csv")
            one.call("POST", "/recipes", {"text": f"title: {CANARY}\n{recipe}"}, repeatable=True)
            run = one.call("POST", "/runs", {"recipe": "toy"})["id"]
            one.record = one.wait(run, "published")
            asked = {"name": "tickets", "artifact": one.record["artifact"]}
            one.call("POST", "/deployments", asked, query={"simulate": "advisory"})  # this machine may be busy
            yield one


def test_the_attempt_came_through_tls_and_its_artifact_lies_sealed(server):
    folder = server.home.home / "artifacts" / server.record["artifact"].removeprefix("sha256:")
    assert (folder / "envelope.json").is_file()
    plain = (server.home.home / "runs" / server.record["id"] / "recipe.json").read_bytes()
    assert CANARY.encode() in plain
    payload = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    assert payload and all(path.read_bytes().startswith(b"ENGRAMS1") for path in payload)
    holding = [path.name for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert holding == []


def test_it_answers_is_checked_and_verifies_offline(server):
    (answer,) = server.call("POST", "/deployments/tickets/predict", {"inputs": ["alpha"]})["answers"]
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert server.call("GET", f"/artifacts/{server.record['artifact']}/check")["ok"]
    folder = server.home.home / "artifacts" / server.record["artifact"].removeprefix("sha256:")
    told = server.home.engram("verify", str(folder))
    assert told.returncode == 0, told.stdout + told.stderr
    with pytest.raises(Blocked, match=r"secret\.engram-key"):
        server.call("POST", "/deployments/tickets/predict", {"inputs": [server.key]})


def test_plain_http_is_not_spoken(server):
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{server.port}/healthz", timeout=30)
