"""The log has a line for every request and the traceback of every fault, and no secret and no control character."""

from __future__ import annotations

import io
import json
import logging
import stat
import time

import pytest
from fastapi.testclient import TestClient

from engram.errors import PlatformError
from engram.security import logs
from engram.security.api_keys import make_api_key
from engram.security.logs import fields, logging_to, told
from engram.server.app import create_app
from engram.server.main import log_file, open_platform
from engram.server.routes import health
from engram.settings import load_settings
from engram.store.records import users

EVIL = "a\r\nb\x1b[31mred\u202egnp.exe\x00"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """An open home with a Developer, whose server logs to its file."""
    home = tmp_path_factory.mktemp("house")
    with open_platform(load_settings({"ENGRAM_HOME": str(home)}), "http://127.0.0.1:1") as (platform, _):
        with platform.db.write() as tx:
            platform.ann = users.create_user(tx, name="ann", role="developer").id
        platform.key = make_api_key(platform.keys, platform.ann, "key", ["*"], time.time).text
        with logging_to(log_file(home)):
            yield platform


@pytest.fixture(scope="module")
def client(house):
    return TestClient(
        create_app(house), base_url="http://127.0.0.1:1", headers={"Authorization": f"Bearer {house.key}"}
    )


def lines(house):
    """Return the lines of the log; each is one JSON object in printable ASCII."""
    text = log_file(house.home).read_text()
    assert text.isascii()
    assert all(line.isprintable() for line in text.splitlines())
    return [json.loads(line) for line in text.splitlines()]


def line_of(house, request):
    (found,) = [one for one in lines(house) if one.get("request") == request and one["message"] == "request"]
    return found


def test_a_request_leaves_one_line(client, house):
    answer = client.get("/api/v1/runs", headers={"X-Request-ID": "mine-1"})
    said = line_of(house, "mine-1")
    assert (said["operation"], said["method"], said["status"]) == ("runs.list", "GET", 200)
    assert (said["user"], said["bytes"], said["level"]) == (house.ann, len(answer.content), "info")
    assert 0 < said["ms"] < 60_000
    assert said["time"].endswith("Z")


def test_the_line_names_the_run_and_the_deployment(client, house):
    client.get("/api/v1/runs/r_1", headers={"X-Request-ID": "mine-2"})
    client.get("/api/v1/deployments/tickets", headers={"X-Request-ID": "mine-3"})
    assert (line_of(house, "mine-2")["run"], line_of(house, "mine-2")["status"]) == ("r_1", 404)
    assert line_of(house, "mine-3")["deployment"] == "tickets"


def test_what_is_no_route_and_what_is_refused_is_written_too(client, house):
    client.get("/api/nowhere", headers={"X-Request-ID": "mine-4"})
    client.get("/api/v1/runs", headers={"X-Request-ID": "mine-5", "Authorization": "Bearer nonsense"})
    assert (line_of(house, "mine-4")["path"], line_of(house, "mine-4")["status"]) == ("/api/nowhere", 404)
    assert (line_of(house, "mine-5")["user"], line_of(house, "mine-5")["status"]) == ("", 401)


def test_a_name_can_not_write_a_line_or_colour_a_terminal(client, house):
    client.get("/api/v1/runs/a%0D%0A%1B%5B31mb%E2%80%AEc", headers={"X-Request-ID": "mine-6"})
    assert line_of(house, "mine-6")["run"] == r"a\r\n\x1b[31mb\u202ec"


def test_no_secret_gets_into_the_log(client, house):
    secret = "hunter2-hunter2"
    client.post("/api/v1/sessions", json={"name": "ann", "password": secret})
    client.get(f"/api/nowhere?api_key={secret}")
    logging.getLogger("engram.test").error("login with password=%s failed", secret, extra=fields(token=secret))
    text = log_file(house.home).read_text()
    assert secret not in text
    assert house.key not in text
    assert "[hidden]" in text


def test_a_fault_is_in_the_log_under_the_requests_id_and_not_in_the_answer(client, house, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("password=hunter2-hunter2 and more")

    monkeypatch.setattr(house.core, "health", broken)
    answer = client.get("/readyz", headers={"X-Request-ID": "mine-7"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine-7")
    assert answer.json()["instance"] == "mine-7"
    assert "ZeroDivision" not in answer.text
    (fault,) = [one for one in lines(house) if one.get("request") == "mine-7" and one["message"] == "a fault"]
    assert (fault["level"], fault["operation"]) == ("error", "health.ready")
    assert any(" in broken: raise ZeroDivisionError" in line for line in fault["traceback"])
    assert fault["traceback"][-1] == "ZeroDivisionError: password=[hidden] and more"
    assert line_of(house, "mine-7")["status"] == 500


def test_a_fault_of_engrams_own_is_there_with_its_traceback(client, house, monkeypatch):
    def broken(*_):
        raise PlatformError("The cellar is flooded.", remedy="Bail.")

    monkeypatch.setattr(health, "_ask_database", broken)
    monkeypatch.setattr(health, "_try", lambda ask: ask())
    answer = client.get("/readyz", headers={"X-Request-ID": "mine-8"})
    assert (answer.status_code, answer.json()["detail"]) == (500, "The cellar is flooded.")
    (fault,) = [one for one in lines(house) if one.get("request") == "mine-8" and one["level"] == "error"]
    assert fault["traceback"][-1].startswith("PlatformError: The cellar is flooded.")


def test_the_log_is_the_owners_alone_and_is_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MOST_BYTES", 2000)
    monkeypatch.setattr(logs, "FILES", 3)
    with logging_to(tmp_path / "logs" / "server.log"):
        for number in range(100):
            logging.getLogger("engram.test").info("line %d of some", number)
    found = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in found] == ["server.log", "server.log.1", "server.log.2"]
    assert all(path.stat().st_size <= 2000 for path in found)
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert json.loads(found[0].read_text().splitlines()[-1])["message"] == "line 99 of some"


def test_people_read_plain_lines_on_a_terminal(tmp_path):
    terminal = io.StringIO()
    with logging_to(tmp_path / "server.log", terminal):
        logging.getLogger("engram.test").info("request", extra=fields(operation="runs.list", run="", status=200))
        logging.getLogger("engram.test").warning("evil %s", EVIL)
        logging.getLogger("somebody.else").info("chatter")
        try:
            raise ValueError(EVIL)
        except ValueError:
            logging.getLogger("engram.test").exception("a fault")
    first, second, third = terminal.getvalue().splitlines()
    assert first.endswith("request  operation runs.list  status 200")
    assert second.endswith(r"warning: evil a\r\nb\x1b[31mred\u202egnp.exe\x00")
    assert third.endswith(r"error: a fault  ValueError: a\r\nb\x1b[31mred\u202egnp.exe\x00")


def test_a_traceback_tells_its_causes_first():
    def inner():
        raise KeyError("inner")

    try:
        try:
            inner()
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        said = told(error)
    assert [line for line in said if " in " not in line] == ["KeyError: 'inner'", "ValueError: outer"]


def test_the_process_logs_as_before_when_the_block_is_over(tmp_path):
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("engram").level)
    with logging_to(tmp_path / "server.log"):
        assert root.handlers != before[1]
    assert (root.level, list(root.handlers), logging.getLogger("engram").level) == before
