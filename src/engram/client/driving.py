"""What does the wishes of operations: one driver for plain code, one for asyncio. Only here is httpx known."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from engram.client.effects import Clock, Give, More, Pause, Response, Send, Steps, Unreached, Work
from engram.client.trust import trust
from engram.lazy import need
from engram.settings import load_settings

# A model may write for minutes; a server that can't be reached is told soon.
READ_SECONDS, CONNECT_SECONDS = 150.0, 10.0


class _Progress:
    """An operation on its way: hands out its wishes and takes what came of them."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.ended = False
        self.result: Any = None

    def go_on(self, came: Any = None, error: BaseException | None = None) -> Any:
        """Return the next wish; `ended` and `result` are set when there is none."""
        try:
            return self._steps.send(came) if error is None else self._steps.throw(error)
        except StopIteration as end:
            self.ended, self.result = True, end.value
            return None

    def close(self) -> None:
        """End an operation that nobody goes on with: what it holds open is closed."""
        self._steps.close()


class Driver:
    """Does wishes one after the other, in the thread that asks. pause, clock: tests bring their own.

    verify: whom to believe over TLS; by default what `engram.client.trust` says.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        transport: Any = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._httpx = need("httpx", extra="server", why="to talk to a server")
        self._http = self._httpx.Client(**_options(self._httpx, base_url, key, transport, verify))
        self._pause, self._clock = pause, clock

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, steps: Steps) -> Any:
        """Run an operation to its end and return its result."""
        progress = _Progress(steps)
        for _ in self._items(progress):
            pass
        return progress.result

    def iterate(self, steps: Steps) -> Iterator[Any]:
        """Run an operation and yield what it gives."""
        return self._items(_Progress(steps))

    def _items(self, progress: _Progress) -> Iterator[Any]:
        stream: Any = None
        try:
            wish = progress.go_on()
            while not progress.ended:
                came: Any = None
                error: BaseException | None = None
                if isinstance(wish, Give):
                    yield wish.item
                elif isinstance(wish, Pause):
                    self._pause(wish.seconds)
                elif isinstance(wish, Clock):
                    came = self._clock()
                elif isinstance(wish, Work):
                    came = wish.do()
                else:
                    try:
                        if isinstance(wish, More):
                            came = next(stream[1], None)
                        else:
                            stream, came = self._send(wish, stream)
                    except self._httpx.TransportError as broken:
                        error = _unreached(broken)
                wish = progress.go_on(came, error)
        finally:
            progress.close()
            if stream is not None:
                stream[0].close()

    def _send(self, wish: Send, before: Any) -> tuple[Any, Response]:
        if before is not None:
            before[0].close()
        answer = self._http.send(_request(self._http, wish), stream=True)
        if wish.stream and answer.status_code < 400:
            return (answer, answer.iter_bytes()), _response(answer, b"")
        try:
            return None, _response(answer, answer.read())
        finally:
            answer.close()


class AsyncDriver:
    """Does wishes one after the other, without holding the event loop up."""

    def __init__(
        self, base_url: str, key: str, transport: Any = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._httpx = need("httpx", extra="server", why="to talk to a server")
        self._http = self._httpx.AsyncClient(**_options(self._httpx, base_url, key, transport))
        self._clock = clock

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, steps: Steps) -> Any:
        """Run an operation to its end and return its result."""
        progress = _Progress(steps)
        async for _ in self._items(progress):
            pass
        return progress.result

    def iterate(self, steps: Steps) -> AsyncIterator[Any]:
        """Run an operation and yield what it gives."""
        return self._items(_Progress(steps))

    async def _items(self, progress: _Progress) -> AsyncIterator[Any]:
        stream: Any = None
        try:
            wish = progress.go_on()
            while not progress.ended:
                came: Any = None
                error: BaseException | None = None
                if isinstance(wish, Give):
                    yield wish.item
                elif isinstance(wish, Pause):
                    await asyncio.sleep(wish.seconds)
                elif isinstance(wish, Clock):
                    came = self._clock()
                elif isinstance(wish, Work):
                    came = await asyncio.to_thread(wish.do)
                else:
                    try:
                        if isinstance(wish, More):
                            came = await anext(stream[1], None)
                        else:
                            stream, came = await self._send(wish, stream)
                    except self._httpx.TransportError as broken:
                        error = _unreached(broken)
                wish = progress.go_on(came, error)
        finally:
            progress.close()
            if stream is not None:
                await stream[0].aclose()

    async def _send(self, wish: Send, before: Any) -> tuple[Any, Response]:
        if before is not None:
            await before[0].aclose()
        answer = await self._http.send(_request(self._http, wish), stream=True)
        if wish.stream and answer.status_code < 400:
            return (answer, answer.aiter_bytes()), _response(answer, b"")
        try:
            return None, _response(answer, await answer.aread())
        finally:
            await answer.aclose()


def _options(
    httpx: Any, base_url: str, key: str, transport: Any, verify: ssl.SSLContext | None = None
) -> dict[str, Any]:
    # Without TLS nobody is believed, and no list of authorities is read: that takes longer than a command's call.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return {
        "verify": (verify or trust(load_settings())) if base_url.startswith("https:") else nobody,
        "base_url": base_url.rstrip("/"),
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "transport": transport,
        "timeout": httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
    }


def _request(http: Any, wish: Send) -> Any:
    query = {name: value for name, value in (wish.query or {}).items() if value is not None}
    body: dict[str, Any] = {} if wish.body is None else {"json": wish.body}
    if wish.content is not None:
        body = {"content": wish.content}
    return http.build_request(wish.method, wish.path, params=query or None, headers=dict(wish.headers), **body)


def _response(answer: Any, content: bytes) -> Response:
    media = answer.headers.get("content-type", "").partition(";")[0].strip()
    return Response(answer.status_code, media, dict(answer.headers), content, str(answer.request.url))


def _unreached(error: Exception) -> Unreached:
    return Unreached(str(error) or type(error).__name__)
