"""A home with people, an application on it without a core, and uploads as a client makes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from support.new_home import started

from engram.security.api_keys import make_api_key
from engram.security.limits import ALL, make_limits
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import users

PEOPLE = {"ann": "developer", "bob": "developer", "eve": "viewer", "root": "admin"}
GOOD = b"text,label\n" + b"".join(b"row %d,%c\n" % (i, b"ab"[i % 2]) for i in range(30))
API = "/api/v1"


class People:
    """An open platform, its application, and one key for each of PEOPLE."""

    def __init__(self, platform: Any) -> None:
        self.here = platform
        platform.limits = make_limits({ALL: "100000/minute"})  # what these limit has tests of its own
        with platform.db.write() as tx:
            self.ids = {name: users.create_user(tx, name=name, role=role).id for name, role in PEOPLE.items()}
        self.keys = {n: make_api_key(platform.keys, one, n, ["*"], time.time).text for n, one in self.ids.items()}
        self.client = TestClient(create_app(platform), base_url="http://127.0.0.1:1", raise_server_exceptions=False)

    @property
    def home(self) -> Path:
        """The home folder."""
        return Path(self.here.home)

    def ask(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Call the API as somebody and return the response."""
        headers = {"Authorization": f"Bearer {self.keys[who]}", **more.pop("headers", {})}
        return self.client.request(method, f"{API}{path}", json=body, headers=headers, **more)

    def begin(self, who: str, name: str, size: int, **more: Any) -> Any:
        """Begin an upload and return the response."""
        return self.ask(who, "POST", "/uploads", {"purpose": "dataset", "name": name, "size": size, **more})

    def piece(self, who: str, upload: str, offset: int, content: Any, kind: str = "application/octet-stream") -> Any:
        """Send one piece and return the response."""
        headers = {"Upload-Offset": str(offset), "Content-Type": kind}
        return self.ask(who, "PATCH", f"/uploads/{upload}", content=content, headers=headers)

    def send(self, who: str, name: str, content: bytes, step: int = 4 << 20, **more: Any) -> str:
        """Send a whole file and return the upload's id."""
        begun = self.begin(who, name, len(content), **more)
        assert begun.status_code == 201, begun.text
        for at in range(0, len(content), step):
            said = self.piece(who, begun.json()["id"], at, content[at : at + step])
            assert said.status_code == 200, said.text
        return str(begun.json()["id"])

    def finish(self, who: str, upload: str, **more: Any) -> Any:
        """Finish an upload and return the response."""
        return self.ask(who, "POST", f"/uploads/{upload}/finish", more)

    def dataset(self, who: str, name: str = "mails.csv", content: bytes = GOOD, **more: Any) -> dict[str, Any]:
        """Bring a dataset in and return it."""
        said = self.finish(who, self.send(who, name, content), **more)
        assert said.status_code == 200, said.text
        return dict(said.json()["dataset"])

    def bytes_on_disk(self) -> list[str]:
        """Return the files of uploads and datasets."""
        rooms = [self.home / "uploads", self.home / "datasets"]
        return sorted(str(path.relative_to(self.home)) for room in rooms for path in room.rglob("*") if path.is_file())


@contextmanager
def people_in(home: Path) -> Iterator[People]:
    """Open a home with PEOPLE in it."""
    settings = load_settings({"ENGRAM_HOME": str(started(home))})
    with open_platform(settings, "http://127.0.0.1:1") as (platform, _):
        yield People(platform)
