"""`engram.Client` and `engram.AsyncClient`: the same nouns and operations, at once or awaited."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from engram import files
from engram.client.driving import AsyncDriver, Driver
from engram.client.nouns.artifacts import Artifacts
from engram.client.nouns.datasets import Datasets
from engram.client.nouns.deployments import Deployments
from engram.client.nouns.keys import Keys
from engram.client.nouns.ledger import Ledger
from engram.client.nouns.noun import Drives
from engram.client.nouns.recipes import Recipes
from engram.client.nouns.runs import Runs
from engram.client.nouns.templates import Templates
from engram.errors import NotSignedIn, ServerAway
from engram.settings import load_settings

URL, KEY = "ENGRAM_URL", "ENGRAM_API_KEY"
PATIENCE_SECONDS = 30.0


class _Nouns:
    """The nouns of both clients."""

    def __init__(self, driver: Drives, patience: float) -> None:
        self.runs = Runs(driver, patience)
        self.recipes = Recipes(driver, patience)
        self.artifacts = Artifacts(driver, patience)
        self.deployments = Deployments(driver, patience)
        self.datasets = Datasets(driver, patience)
        self.templates = Templates(driver, patience)
        self.ledger = Ledger(driver, patience)
        self.keys = Keys(driver, patience)


class Client(_Nouns):
    """A server's operations for plain code; a context manager.

    Answers are plain dicts, as the API's documents are; lists are iterators that fetch pages as they go. Errors are
    those of `engram.errors`. What makes something carries an idempotency key, so that it is sent again when a
    connection breaks, and happens once.

    base_url: of the server; without it ``ENGRAM_URL``, or the server of this home. key: an API key or access token;
    without it ``ENGRAM_API_KEY``, or the home's own key where the server is the home's. patience: seconds for which a
    server that is away is waited for, where asking again does no harm.

    Raises ServerAway when no server is named and the home has none, NotSignedIn without a key.

    >>> with Client("http://127.0.0.1:3000", "egk_…") as client:  # doctest: +SKIP
    ...     run = client.runs.create("quickstart")
    ...     client.runs.wait(run["id"])["state"]
    'published'
    """

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        transport: Any = None,
    ) -> None:
        self._driver = Driver(*place_and_key(base_url, key), transport)
        super().__init__(self._driver, patience)

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Nouns):
    """A server's operations for asyncio: as `Client`, with `await` before what returns and `async for` over lists."""

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
        transport: Any = None,
    ) -> None:
        self._driver = AsyncDriver(*place_and_key(base_url, key), transport)
        super().__init__(self._driver, patience)

    async def close(self) -> None:
        """Close the connections."""
        await self._driver.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def place_and_key(
    base_url: str | None, key: str | None, environment: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """Return where a client asks and with which key: as given, else of the environment, else of the home.

    The home's own key goes to the home's own server and nowhere else.

    Raises ServerAway when no server is named and the home has none, NotSignedIn without a key.
    """
    env = os.environ if environment is None else environment
    home = load_settings(env).home
    place, known = base_url or env.get(URL, ""), key or env.get(KEY, "")
    if not place:
        note = home / "server.json"
        if not note.is_file():
            raise ServerAway(f"The home {home} has no server.", remedy=f"Start one with `engram up`, or set {URL}.")
        place = str(files.read_json(note)["url"])
        known = known or home_key(home)
    if not known:
        raise NotSignedIn(f"There is no key for {place}.", remedy=f"Give one, or set {KEY}.")
    return place, known


def home_key(home: Path) -> str:
    """Return the key that a home's server made for the home's own command line, or an empty text."""
    path = home / "keys" / "cli.key"
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""
