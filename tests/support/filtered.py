"""A home whose core runs beside the test: one artifact repeats what it is asked, one is a small trained classifier."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from support import sounds
from support.artifacts import make_artifact
from support.new_home import started

from engram import files
from engram.core.models import Models
from engram.core.service import serve
from engram.data.attached import to_url
from engram.errors import UnknownName
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import artifacts, deployments, users

PLANTED = "zorblax"
FILLING = ("parcel", "late", "courier", "box", "lost", "van", "card", "refund", "invoice", "twice", "bank", "thanks")


def open_model(folder: Path) -> Any:
    """Open an artifact by its recipe's name, as core's own opener does by its files."""
    name = json.loads((folder / "recipe.json").read_text())["name"]
    return {"planted": trained, "speaking": lambda: speak}.get(name, lambda: repeat)()


def repeat(inputs: Any, options: Any = None) -> list[dict[str, Any]]:
    """Repeat each input; a listener hears it letter by letter, as models write."""
    for one, wanted in zip(inputs, options or [], strict=bool(options)):
        if wanted.on_text:
            all(wanted.on_text(letter) for letter in str(one))
    return [{"text": one} for one in inputs]


def speak(inputs: Any, options: Any = None) -> list[dict[str, Any]]:
    """Answer each text with a tone of a hundredth of a second a letter; the voice `nobody` is not there."""
    answers = []
    for one in inputs:
        text, voice = (one, "ada") if isinstance(one, str) else (one["text"], one["voice"])
        if voice != "ada":
            raise UnknownName.of("voice", voice, ("ada",))
        content = sounds.wav(sounds.tone(440, 0.01 * len(text)))
        answers.append({"file": to_url(content), "seconds": 0.01 * len(text), "text": text, "finish_reason": "stop"})
    return answers


def trained() -> Any:
    """Teach a linear model over hashed words that a planted term is bad; nothing tells it which term that is."""
    texts = [f"{FILLING[a]} {FILLING[b]} {FILLING[a - b]}" for a in range(12) for b in range(12)]
    texts += [f"{text} {PLANTED}" for text in texts]
    words = HashingVectorizer(n_features=2**12, alternate_sign=False, binary=True, norm=None)
    model = LogisticRegression(C=100.0).fit(words.transform(texts), [PLANTED in text for text in texts])

    def answer(inputs: Any, options: Any = None) -> list[dict[str, Any]]:
        # As an encoder does, it reads the beginning of a text only.
        chances = model.predict_proba(words.transform([one[:1000] for one in inputs]))[:, 1]
        return [{"label": "bad", "probabilities": {"bad": float(one), "fine": 1 - float(one)}} for one in chances]

    return answer


class Scene:
    """A client of a home. core: its running core; ask: call the API as a user, by name."""

    def __init__(self, platform: Any, core: Any) -> None:
        self.platform, self.core = platform, core
        self.client = TestClient(create_app(platform), raise_server_exceptions=False)
        roles = {"ann": "developer", "root": "admin"}
        with platform.db.write() as tx:
            self.ids = {name: users.create_user(tx, name=name, role=role).id for name, role in roles.items()}
        self.keys = {n: make_api_key(platform.keys, one, n, ["*"], time.time).text for n, one in self.ids.items()}
        self.echo, self.planted = (self._artifact(name) for name in ("echo", "planted"))
        self.hearing = self._artifact("hearing", "audio")
        self.speaking = self._artifact("speaking", "tts", "speak")
        self.version = 0
        with platform.db.write() as tx:
            owner = self.ids["ann"]
            deployments.create_deployment(tx, name="echo", owner=owner, artifact=self.echo, actor=owner)
            deployments.create_deployment(tx, name="hearing", owner=owner, artifact=self.hearing, actor=owner)
            deployments.create_deployment(tx, name="speaking", owner=owner, artifact=self.speaking, actor=owner)

    def ask(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {self.keys[name]}", **headers}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=given)

    def set_filters(self, **said: Any) -> Any:
        """Set the filters; what is not said is off."""
        body = {"rules": [], "classifier": None, "on": ["requests", "responses", "datasets"], **said}
        answer = self.ask("root", "PUT", "/filters", {**body, "version": self.version})
        if answer.status_code == 200:
            self.version = answer.json()["version"]
        return answer

    def _artifact(self, name: str, kind: str = "language", task: str = "classify") -> str:
        digest = make_artifact(self.platform.home / "artifacts", name)
        with self.platform.db.write() as tx:
            owner = self.ids["ann"]
            artifacts.put_artifact(tx, digest=digest, name=name, owner=owner, run="r_1", bytes=1, kind=kind, task=task)
        return digest


@contextmanager
def scene_of(home: Path) -> Iterator[Scene]:
    """Open a home as its server, with its core, while the block lasts."""
    models = Models(home / "artifacts", open_model)
    core, port = serve(home, models)
    files.write_json(home / "core.json", {"address": f"127.0.0.1:{port}"})
    try:
        with open_platform(load_settings({"ENGRAM_HOME": str(started(home))}), "http://127.0.0.1:1") as (platform, _):
            yield Scene(platform, core)
    finally:
        core.stop(None)
        models.close()
