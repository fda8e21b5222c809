"""kill -9 between the fsync of a piece and its row: the piece is sent again, and no byte stands twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from support.uploading import GOOD, people_in

from engram.files import sha256_bytes
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import uploads

BEGIN = """
import sys
from pathlib import Path
from engram.server import uploads as arriving
from engram.server.main import open_platform
from engram.server.purposes import PURPOSES, Given
from engram.settings import load_settings
from engram.store.records import uploads
home, upload = Path(sys.argv[1]), sys.argv[2]
with open_platform(load_settings({"ENGRAM_HOME": str(home)}), "http://127.0.0.1:1") as (here, _):
    with here.db.read() as tx:
        found = uploads.get_upload(tx, upload)
    path = arriving.file_of(home, found, ".csv")
"""
SEND = BEGIN + "    arriving.write_piece(here, found, path, found.received, sys.stdin.buffer.read())"
FINISH = BEGIN + "    PURPOSES['dataset'].finish(here, found, path, Given())"


def killed(code: str, home: Path, upload: str, point: str, given: bytes = b"") -> bool:
    """Run code on an upload in a process that dies at a named point; tell whether it died there."""
    command = [sys.executable, "-c", code, str(home), upload]
    environment = {**os.environ, "ENGRAM_CRASHPOINT": point}
    return subprocess.run(command, env=environment, input=given, timeout=120, check=False).returncode == -9


@contextmanager
def client_of(home: Path, key: str) -> Iterator[Any]:
    """Open the home again, as its server's next start does, and yield a client with a key."""
    with open_platform(load_settings({"ENGRAM_HOME": str(home)}), "http://127.0.0.1:1") as (here, _):
        yield TestClient(create_app(here), base_url="http://127.0.0.1:1", headers={"Authorization": f"Bearer {key}"})


def test_a_piece_whose_row_was_never_written_is_sent_again(tmp_path):
    home = tmp_path / "home"
    with people_in(home) as people:
        upload = people.begin("ann", "rows.csv", len(GOOD)).json()["id"]
        people.piece("ann", upload, 0, GOOD[:100])
        key = people.keys["ann"]
    path = home / "uploads" / upload / "data.csv"
    other = GOOD[100:200] + b"other bytes than those that will be sent again"
    assert killed(SEND, home, upload, "uploads.after-fsync", other)
    assert path.read_bytes() == GOOD[:100] + other
    with client_of(home, key) as client:
        asked = f"/api/v1/uploads/{upload}"
        at = int(client.get(asked).headers["upload-offset"])
        assert at == 100
        more = {"Upload-Offset": str(at), "Content-Type": "application/octet-stream"}
        assert client.patch(asked, content=GOOD[at:120], headers=more).json()["received"] == 120
        assert path.read_bytes() == GOOD[:120]
        more["Upload-Offset"] = "120"
        assert client.patch(asked, content=GOOD[120:], headers=more).status_code == 200
        made = client.post(f"{asked}/finish", json={}).json()
    assert (made["state"], made["dataset"]["digest"]) == ("done", sha256_bytes(GOOD))


def test_a_finish_that_is_killed_after_the_content_was_kept_is_done_again(tmp_path):
    home = tmp_path / "home"
    with people_in(home) as people:
        upload, key = people.send("ann", "rows.csv", GOOD), people.keys["ann"]
    assert killed(FINISH, home, upload, "uploads.after-keep")
    with client_of(home, key) as client:
        assert client.get("/api/v1/datasets").json()["items"] == []
        made = client.post(f"/api/v1/uploads/{upload}/finish", json={})
        assert made.status_code == 200, made.text
        assert [one["id"] for one in client.get("/api/v1/datasets").json()["items"]] == [made.json()["dataset"]["id"]]
        assert client.get(f"/api/v1/datasets/{made.json()['dataset']['id']}/download").content == GOOD


def test_a_start_of_the_server_removes_the_bytes_of_uploads_that_have_ended(tmp_path):
    home = tmp_path / "home"
    with people_in(home) as people:
        living, over = (people.send("ann", name, GOOD) for name in ("a.csv", "b.csv"))
        with people.here.db.write() as tx:
            uploads.end_upload(tx, over, "aborted")
        (home / "uploads" / "stranger").mkdir()
    with open_platform(load_settings({"ENGRAM_HOME": str(home)}), "http://127.0.0.1:1"):
        assert [path.name for path in (home / "uploads").iterdir()] == [living]
