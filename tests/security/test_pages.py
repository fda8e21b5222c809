"""The pages give away nothing that is no part of them, and are bound as tightly as every other answer."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest
import uvicorn
from fastapi.testclient import TestClient
from support.built import INDEX, SCRIPT, make_build
from support.house import open_house

from engram.server.app import create_app

ROADS_OUT = [
    "/assets/../index.html", "/assets/..%2findex.html", "/assets/%2e%2e/%2e%2e/secret.txt",
    "/assets/..%5c..%5csecret.txt", "/assets//etc/passwd", "/assets/%2fetc%2fpasswd", "/assets/./theme.js",
    "/assets/theme.js%00.css", "/assets/theme.js/", "/assets/secret.js", "/assets/index-AbCd1234.js.gz", "/assets/",
    "/assets", "/assets/%252e%252e/secret.txt",
]  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An application whose folder of pages has something beside them, and a way there."""
    folder = make_build(tmp_path_factory.mktemp("ui"))
    (folder / "secret.txt").write_text("a secret")
    (folder / "built" / "assets" / "secret.js").symlink_to(folder / "secret.txt")
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield create_app(house.platform, folder)


@pytest.fixture(scope="module")
def client(app):
    return TestClient(app, base_url="http://127.0.0.1:1", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def raw(app):
    """Ask a real server with a path exactly as it is written; clients tidy them up."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who connects before the server accepts waits
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()

    def ask(path, method="GET"):
        connection = http.client.HTTPConnection(*listener.getsockname(), timeout=30)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer, answer.read()

    yield ask
    server.should_exit = True
    thread.join(30)
    listener.close()


@pytest.mark.parametrize("road", ROADS_OUT)
def test_no_road_leads_out_of_the_pages(raw, road):
    told, body = raw(road)
    assert (told.status, told.headers["content-type"]) == (404, "application/problem+json"), body
    assert b"a secret" not in body


@pytest.mark.parametrize(
    "road",
    ["/../secret.txt", "/%2e%2e/secret.txt", "//evil.example/x", "/\\evil.example", "/runs//x", "/runs/%00", "/."],
)
def test_what_is_no_address_of_a_page_leads_nowhere(raw, road):
    told, body = raw(road)
    assert (told.status, told.headers["content-type"]) == (404, "application/problem+json"), body
    assert "location" not in told.headers


@pytest.mark.parametrize("road", ["/.git", "/index.html", "/built/index.html", "/secret.txt", "/etc/passwd", "/runs/"])
def test_a_name_that_may_be_a_file_s_is_a_page_like_any_other(raw, road):
    told, body = raw(road)
    assert (told.status, body) == (200, INDEX)


def test_the_answer_to_head_has_a_length_and_no_body(raw):
    told, body = raw("/assets/index-AbCd1234.js", "HEAD")
    assert (told.status, body, told.headers["content-length"]) == (200, b"", str(len(SCRIPT)))


@pytest.mark.parametrize("path", ["/", "/runs/r_1", "/assets/index-AbCd1234.js", "/assets/theme.js", "/assets/gone.js"])
def test_pages_run_no_foreign_code_and_stand_in_no_frame(client, path):
    said = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in said["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy
    assert (said["x-frame-options"], said["x-content-type-options"]) == ("DENY", "nosniff")


def test_pages_are_for_the_server_s_own_names_and_carry_no_secret_in_their_address(client):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/assets/theme.js", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/runs?token=x").status_code == 400


def test_pages_set_no_cookie_and_ask_for_none(client):
    told = client.get("/", headers={"Cookie": "engram_access=stale"})
    assert (told.status_code, told.content) == (200, INDEX)
    assert "set-cookie" not in told.headers
