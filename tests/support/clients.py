"""The SDK's two clients before an application in this process, used in one and the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from engram import AsyncClient, Client


class Through(httpx.BaseTransport):
    """Sends what the plain client asks to an application in this process. asked: every request so far."""

    def __init__(self, http: Any) -> None:
        self._http = http
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked.append(request)
        answer = self._http.request(
            request.method, str(request.url), headers=dict(request.headers), content=request.read()
        )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


class Plain:
    """The plain client."""

    name = "plain"

    def __init__(self, house: Any, user: str = "ann", transport: Any = None) -> None:
        self._client = Client("http://127.0.0.1:1", house.keys[user], transport=transport or Through(house.client))

    def do(self, ask: Callable[[Any], Any]) -> Any:
        """Do an operation and return its result."""
        return ask(self._client)

    def items(self, ask: Callable[[Any], Any]) -> list[Any]:
        """Do an operation and return what it gives."""
        return list(ask(self._client))


class Awaited:
    """The client for asyncio."""

    name = "asyncio"

    def __init__(self, house: Any, user: str = "ann", transport: Any = None) -> None:
        self._place = ("http://127.0.0.1:1", house.keys[user])
        self._transport = transport or httpx.ASGITransport(house.app, raise_app_exceptions=False)

    def do(self, ask: Callable[[Any], Any]) -> Any:
        """Do an operation and return its result."""

        async def one() -> Any:
            async with AsyncClient(*self._place, transport=self._transport) as client:
                return await ask(client)

        return asyncio.run(one())

    def items(self, ask: Callable[[Any], Any]) -> list[Any]:
        """Do an operation and return what it gives."""

        async def all_of_them() -> list[Any]:
            async with AsyncClient(*self._place, transport=self._transport) as client:
                return [one async for one in ask(client)]

        return asyncio.run(all_of_them())
