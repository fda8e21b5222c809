"""Calls by path: what attempts and the command line use where the SDK's nouns have no word for it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any

from engram.client.asking import ask, ask_json
from engram.client.asking import told as told
from engram.client.driving import Driver
from engram.client.effects import Response, Send
from engram.errors import Throttled


class Api:
    """The HTTP side of the SDK; a context manager.

    verify: whom to believe over TLS (a context of `ssl`); by default what `engram.client.trust` says.
    patience: seconds for which calls that may be repeated wait for a server that is away.
    pause and clock: how to wait and what time it is; tests bring their own.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: float = 0.0,
        verify: ssl.SSLContext | None = None,
        transport: Any = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver = Driver(base_url, key, transport, pause, clock, verify)
        self._patience, self._pause = patience, pause

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        repeatable: bool | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Any:
        """Call an operation and return its JSON answer.

        repeatable: whether it does no harm to ask twice; GET, PUT and DELETE are. accept: statuses above 399 that are
        answers too.

        Raises the error that the server tells, by its name; ServerAway when there is none for longer than the patience.
        """
        wish = Send(method, path, body, query, headers or {})
        return self._driver.run(ask_json(wish, self._patience, repeatable, accept))

    def piece(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Response:
        """Ask for a piece of a file, or send one, and return the answer; asking again does no harm.

        Where pieces come faster than the server's limits allow, the next one waits. Raises what `call` raises.
        """
        while True:
            try:
                wish = Send(method, path, query=query, headers=headers, content=content)
                answer: Response = self._driver.run(ask(wish, self._patience, repeatable=True))
                return answer
            except Throttled as error:
                self._pause(error.retry_after)
