"""An open home with people in it, and a client that calls its API as one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient
from support.new_home import started
from support.security_stores import Clock

from engram.security.entrance import fold_name
from engram.security.login import sign_in_known
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.server.platform import Platform
from engram.settings import load_settings
from engram.store.records import users

PASSWORD = "a long enough one 7"
ROLES = {"root": "admin", "ann": "developer", "bob": "developer", "eve": "viewer"}
URL = "http://127.0.0.1:3000"


class Wire(httpx.BaseTransport):
    """Carries what an SDK sends to an application in this process."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return what the application answers."""
        said = {name: value for name, value in request.headers.items() if name != "host"}
        path = request.url.raw_path.decode()
        answer = self._client.request(request.method, path, content=request.read() or None, headers=said)
        return httpx.Response(answer.status_code, headers=list(answer.headers.items()), content=answer.content)


class People:
    """The platform, its application, and the people of ROLES, who all have the same password."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.app = platform, create_app(platform)
        self.client = TestClient(self.app, base_url=URL, raise_server_exceptions=False, follow_redirects=False)
        self.hash = platform.entrance.passwords.hash(PASSWORD)
        self.ids = {name: self.add(name, role) for name, role in ROLES.items()}
        self._tokens: dict[str, str] = {}

    def add(self, name: str, role: str, **more: Any) -> str:
        """Add a user with the usual password and return the id."""
        with self.platform.db.write() as tx:
            return users.create_user(tx, name=fold_name(name), role=role, password_hash=self.hash, **more).id

    def sign_in(self, name: str, password: str = PASSWORD, **more: Any) -> Any:
        """Sign in and return the answer."""
        self.client.cookies.clear()
        return self.client.post("/api/v1/sessions", json={"name": name, "password": password, **more})

    def forget_tries(self) -> None:
        """Let passwords be tried again, however often they were."""
        self.platform.entrance.limiter.storage.reset()

    def token(self, name: str) -> str:
        """Return an access token, of one sign-in for each name; no password is tried for it."""
        if name not in self._tokens:
            entrance = self.platform.entrance
            user = entrance.users.find(name)
            assert user, name
            made = sign_in_known(entrance, user, "127.0.0.1", operation="sessions.sign_in", agent="testclient")
            self._tokens[name] = made.access_token
        return self._tokens[name]

    def forget(self, name: str) -> None:
        """Let the next call sign in again."""
        self._tokens.pop(name, None)

    def call(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call the API as somebody, with a token of hers; nobody when the name is empty."""
        known = {"Authorization": f"Bearer {self.token(name)}"} if name else {}
        said = {key.replace("_", "-"): value for key, value in headers.items()}
        options = {} if body is None else {"json": body}
        return self.client.request(method, f"/api/v1{path}", headers={**known, **said}, **options)

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the lines of the audit that are asked for, newest first."""
        said = self.client.get(
            "/api/v1/audit", params=wanted, headers={"Authorization": f"Bearer {self.token('root')}"}
        )
        assert said.status_code == 200, said.text
        found: list[dict[str, Any]] = said.json()["items"]
        return found


@contextmanager
def people(home: Path, *, clock: Clock | None = None) -> Iterator[People]:
    """Open a home with people in it."""
    with open_platform(load_settings({"ENGRAM_HOME": str(started(home))}), URL) as (platform, _):
        if clock is not None:
            platform.clock = clock
        yield People(platform)
