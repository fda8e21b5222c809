"""Names are names: templates, variables, line breaks, escapes and bidi in them are shown as they are written."""

from __future__ import annotations

import io
import json
import sys
import time

import pytest
from fastapi.testclient import TestClient

from engram.cli import output
from engram.cli.main import run
from engram.pipeline.environment import fingerprint
from engram.registry import _points, get, names
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import users

HOSTILE = {
    "template": "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "variable": "${HOME} $(id) `id` %(x)s %s {0.__class__}",
    "line break": "one\r\nX-Injected: yes\nERROR forged line",
    "escape": "\x1b[2J\x1b]0;owned\x07 \x9b31m",
    "bidi": "invoice\u202egnp.exe\u2066",
}
STEERING = ("\x1b", "\x07", "\x9b", "\r", "\u202e", "\u2066")


@pytest.fixture
def shop(tmp_path):
    """A server's client who is an Admin."""
    with open_platform(load_settings({"ENGRAM_HOME": str(tmp_path)}), "http://127.0.0.1:1") as (here, _):
        with here.db.write() as tx:
            root = users.create_user(tx, name="root", role="admin").id
        key = make_api_key(here.keys, root, "root", ["*"], time.time).text
        yield TestClient(create_app(here), headers={"Authorization": f"Bearer {key}"}, raise_server_exceptions=False)


@pytest.mark.parametrize("what", HOSTILE)
def test_the_api_keeps_and_shows_a_title_to_the_letter(shop, what):
    text = shop.get("/api/v1/recipes/quickstart").json()["text"]
    title = next(line for line in text.splitlines() if line.startswith("title:"))
    text = text.replace(title, f"title: {json.dumps(HOSTILE[what])}").replace("name: quickstart", "name: sly")
    answer = shop.post("/api/v1/recipes", json={"text": text})
    if what == "variable":
        assert answer.status_code == 422, "a recipe's ${…} is its own syntax, and sees nothing of the server"
        return
    assert answer.status_code == 201, answer.text
    (found,) = [one for one in shop.get("/api/v1/recipes").json()["items"] if one["name"] == "sly"]
    assert found["title"] == HOSTILE[what]
    assert "x-injected" not in shop.get("/api/v1/recipes").headers


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("path", ["/api/v1/runs/{}", "/api/v1/deployments/{}", "/api/v1/artifacts/{}"])
def test_a_name_in_a_path_or_an_error_is_no_header_and_no_template(shop, what, path):
    from urllib.parse import quote

    answer = shop.get(path.format(quote(HOSTILE[what], safe="")), headers={"X-Request-ID": quote(HOSTILE[what])})
    assert answer.status_code in (404, 422)
    assert "x-injected" not in answer.headers and "49" not in answer.json()["detail"]
    assert "root:" not in answer.text


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_printed_steers_no_terminal(monkeypatch, what, terminal):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    output.say(f"{output.style('Run', 'bold')} {HOSTILE[what]}", "red")
    output.table(("name",), [(HOSTILE[what],)])
    output.use_json(False)
    printed = stream.getvalue()
    ours = output._STYLED.sub("", printed) if terminal else printed
    assert not [one for one in STEERING if one in ours], ascii(printed)
    if what in ("template", "variable"):
        assert HOSTILE[what] in printed


@pytest.mark.parametrize("what", HOSTILE)
def test_a_document_for_programs_says_the_same_and_steers_no_terminal_either(capsys, what):
    output.emit_json({"name": HOSTILE[what]})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": HOSTILE[what]}
    assert not [one for one in STEERING if one in printed]


def test_an_error_about_a_hostile_name_is_one_that_can_be_read(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    assert run(["recipes", "show", HOSTILE["escape"]]) == 2
    said = capsys.readouterr()
    assert not [one for one in STEERING if one in said.out + said.err]
    assert "\\x1b[2J" in said.err


# Plugins


class Point:
    """An entry point of some distribution."""

    def __init__(self, name, distribution):
        self.name, self.dist = name, type("Dist", (), {"name": distribution})

    def load(self):
        raise AssertionError(f"{self.dist.name} was loaded")


@pytest.fixture
def installed(monkeypatch):
    """Two foreign packages beside Engram's own; one of them is allowed."""
    from engram import registry

    real = registry.entry_points
    foreign = [Point("sly", "evil-plugin"), Point("fine", "good-plugin"), Point("language", "good-plugin")]
    monkeypatch.setattr(registry, "entry_points", lambda group: [*foreign, *real(group=group)])
    monkeypatch.setenv("ENGRAM_PLUGINS", "good-plugin")
    _points.cache_clear()
    yield
    _points.cache_clear()


def test_only_installed_packages_that_are_allowed_are_loaded_and_none_replaces_our_own(installed):
    assert "sly" not in names("kind") and {"fine", "language"} <= set(names("kind"))
    assert get("kind", "language").name == "language"
    with pytest.raises(Exception, match="Unknown kind 'sly'"):
        get("kind", "sly")
    with pytest.raises(AssertionError, match="good-plugin was loaded"):
        get("kind", "fine")


def test_the_digest_of_a_plugin_s_files_stands_in_what_is_certified(tmp_path, monkeypatch):
    about = tmp_path / "good_plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: good-plugin\nVersion: 1.0\n")
    (about / "RECORD").write_text("good_plugin.py,,\ngood_plugin-1.0.dist-info/METADATA,,\n")
    (tmp_path / "good_plugin.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "plugins" not in fingerprint(1)
    monkeypatch.setenv("ENGRAM_PLUGINS", "good-plugin,not-there")
    first = fingerprint(1)["plugins"]
    assert first["good-plugin"].startswith("sha256:") and first["not-there"] == ""
    (tmp_path / "good_plugin.py").write_text("x = 2\n")
    assert fingerprint(1)["plugins"]["good-plugin"] != first["good-plugin"]
