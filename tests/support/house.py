"""An open home in this process: users with keys, a core that answers without models, and the application before it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from support.household import publish
from support.new_home import started

from engram.errors import UsageError
from engram.schema.options import NO_OPTIONS, Options
from engram.security.api_keys import make_api_key
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.server.platform import Platform
from engram.settings import load_settings
from engram.store.records import deployments, users

ROLES = {"ann": "developer", "bob": "developer", "eve": "viewer", "root": "admin"}


@dataclass
class EchoCore:
    """A core whose models write what they were asked, a word at a time, and label texts by their first letter.

    asked: the options of every request. broken: what every request raises.
    """

    asked: list[Options] = field(default_factory=list)
    broken: Exception | None = None

    def predict(self, artifact: str, inputs: Sequence[str], options: Options = NO_OPTIONS) -> Iterator[str]:
        """Answer inputs."""
        for one in inputs:
            yield json.dumps(self._answer(json.loads(one), options))

    def write(self, artifact: str, asked: str, options: Options = NO_OPTIONS) -> Iterator[tuple[str, str]]:
        """Answer one input word by word."""
        answer = self._answer(json.loads(asked), options)
        for number, word in enumerate(answer["text"].split(" ")):
            yield (" " if number else "") + word, ""
        yield "", json.dumps(answer)

    def health(self) -> str:
        """Be well."""
        return "well"

    def close(self) -> None:
        """Have nothing to close."""

    def _answer(self, asked: Any, options: Options) -> dict[str, Any]:
        self.asked.append(options)
        if self.broken is not None:
            raise self.broken
        text = asked["messages"][-1]["content"] if isinstance(asked, dict) else asked
        words = f"you said {text}".split(" ")
        read = 2 + len(words)
        if options.max_input_tokens is not None and read > options.max_input_tokens:
            raise UsageError(f"The input has {read} tokens; at most {options.max_input_tokens} are read here.")
        written = words[: options.max_new_tokens]
        said = " ".join(written)
        for stop in options.stop:
            said = said.partition(stop)[0]
        ended = "length" if len(written) < len(words) else "stop"
        tokens = {"prompt_tokens": read, "completion_tokens": len(written)}
        return {"text": said, "finish_reason": ended, "label": text[:1], "probabilities": {text[:1]: 1.0}, **tokens}


class House:
    """What a test needs of an open home. ids, keys: of the users by name."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.core = platform, EchoCore()
        platform.core = self.core  # type: ignore[assignment]
        with platform.db.write() as tx:
            self.ids = {name: users.create_user(tx, name=name, role=role).id for name, role in ROLES.items()}
        self.keys = {
            name: make_api_key(platform.keys, one, name, ["*"], time.time).text for name, one in self.ids.items()
        }
        self.app = create_app(platform)
        self.client = TestClient(self.app, base_url="http://127.0.0.1:1", raise_server_exceptions=False)

    def call(self, name: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Ask as a user; return the response."""
        return self.client.request(
            method, path, json=body, headers={"Authorization": f"Bearer {self.keys[name]}", **more}
        )

    def deploy(self, name: str, owner: str = "ann", task: str = "generate", kind: str = "language") -> str:
        """Deploy an artifact of a task under a name, as if it had been published; return its digest."""
        digest = publish(self.platform, self.ids[owner], name, task=task, kind=kind)
        with self.platform.db.write() as tx:
            deployments.create_deployment(tx, name=name, owner=self.ids[owner], artifact=digest, actor=self.ids[owner])
        return digest


@contextmanager
def open_house(home: Path) -> Iterator[House]:
    """Open a home with an application while the block lasts."""
    with open_platform(load_settings({"ENGRAM_HOME": str(started(home))}), "http://127.0.0.1:1") as (platform, _):
        yield House(platform)
