"""The pages as a browser loads them: one document for every address, files to keep, and what is told without them."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from support.built import FONT, INDEX, SCRIPT, make_build
from support.house import open_house

from engram.server.app import create_app

KEPT = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house.platform


def client_of(platform, folder):
    return TestClient(create_app(platform, folder), base_url="http://127.0.0.1:1", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(platform, tmp_path_factory):
    """What asks a server whose pages were built."""
    return client_of(platform, make_build(tmp_path_factory.mktemp("ui")))


@pytest.mark.parametrize(
    "address", ["/", "/runs", "/runs/r_1?tab=logs", "/deployments/mails.v2", "/apis", "/v10", "/assetsandmore"]
)
def test_every_address_of_a_page_answers_the_one_document(client, address):
    told = client.get(address)
    assert (told.status_code, told.content) == (200, INDEX)
    assert told.headers["content-type"] == "text/html; charset=utf-8"
    assert told.headers["cache-control"] == "no-cache"


def test_a_document_that_a_browser_has_is_not_sent_again(client):
    tag = client.get("/").headers["etag"]
    for method in ("GET", "HEAD"):
        again = client.request(method, "/runs", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": '"other"'}).content == INDEX


def test_files_whose_names_change_with_their_content_are_kept_for_ever(client):
    for name, body, kind in (
        ("index-AbCd1234.js", SCRIPT, "text/javascript; charset=utf-8"),
        ("inter-Ab12Cd34.woff2", FONT, "font/woff2"),
    ):
        told = client.get(f"/assets/{name}")
        assert (told.status_code, told.content) == (200, body)
        assert (told.headers["content-type"], told.headers["cache-control"]) == (kind, KEPT)


def test_a_file_that_keeps_its_name_is_asked_for_again(client):
    told = client.get("/assets/theme.js")
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-cache")
    assert client.get("/assets/theme.js", headers={"If-None-Match": told.headers["etag"]}).status_code == 304


def test_what_is_compressed_is_sent_so_to_those_who_take_it(client):
    plain, packed = (
        client.get("/assets/index-AbCd1234.js", headers={"Accept-Encoding": said}) for said in ("identity", "br, gzip")
    )
    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", SCRIPT)
    assert int(packed.headers["content-length"]) < len(SCRIPT) == int(plain.headers["content-length"])
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    assert "vary" not in client.get("/assets/inter-Ab12Cd34.woff2").headers


def test_head_says_what_get_would_say_without_saying_it(client):
    for address in ("/", "/runs/r_1", "/assets/index-AbCd1234.js"):
        got, asked = client.get(address), client.head(address)
        assert (asked.status_code, asked.content) == (200, b"")
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert asked.headers[name] == got.headers[name]


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/rums", "/v1/nothing", "/ws/", "/metrics/x", "/healthz/x"])
def test_what_is_no_page_is_still_a_problem(client, path):
    told = client.get(path)
    assert told.status_code == 404
    kind = "application/json" if path.startswith("/v1/") else "application/problem+json"
    assert told.headers["content-type"] == kind


def test_the_api_does_not_take_a_post_to_nowhere_for_a_wrong_method(client):
    assert client.post("/api/v1/rums", json={}).status_code == 404
    told = client.post("/runs", json={})
    assert (told.status_code, told.headers["allow"]) == (405, "GET, HEAD")


def test_an_unknown_file_is_a_problem_and_never_a_page(client):
    told = client.get("/assets/gone-AbCd1234.js")
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")
    assert told.json()["error"] == "NotFound"


def test_a_build_that_changes_under_a_running_server_changes_nothing(platform, tmp_path):
    client = client_of(platform, make_build(tmp_path))
    (tmp_path / "built" / "index.html").write_text("half of it")
    (tmp_path / "built" / "assets" / "index-AbCd1234.js").unlink()
    assert client.get("/").content == INDEX
    assert client.get("/assets/index-AbCd1234.js").content == SCRIPT


def test_a_build_that_does_not_say_what_may_be_kept_is_asked_for_again(platform, tmp_path):
    (make_build(tmp_path) / "built" / "files.json").write_text("[]")
    assert client_of(platform, tmp_path).get("/assets/index-AbCd1234.js").headers["cache-control"] == "no-cache"


def test_without_a_build_every_page_says_why_and_what_builds_it(platform, tmp_path):
    client = client_of(platform, tmp_path)
    for address in ("/", "/runs/r_1"):
        told = client.get(address)
        assert (told.status_code, told.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert told.headers["cache-control"] == "no-store"
        assert "Nobody has built them here." in told.text
        assert "./start.sh" in told.text and "npm run build" in told.text
        assert "/api/v1/runs/{run}" in told.text
    assert client.get("/assets/theme.js").status_code == 404


def test_the_reason_of_the_launcher_is_shown_as_text(platform, tmp_path):
    (tmp_path / "not-built.txt").write_text("npm ci failed: <no way>\n")
    assert "npm ci failed: &lt;no way&gt;" in client_of(platform, tmp_path).get("/").text


def test_a_build_without_its_document_counts_as_none(platform, tmp_path):
    (make_build(tmp_path) / "built" / "index.html").unlink()
    client = client_of(platform, tmp_path)
    assert "Nobody has built them here." in client.get("/").text
    assert client.get("/assets/theme.js").status_code == 404
