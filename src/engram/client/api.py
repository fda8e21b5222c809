"""One way to call a server: problem details become Engram's own errors, and a server that is away is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any

from engram import errors
from engram.errors import EngramError
from engram.lazy import need

PROBLEM = "application/problem+json"
AWAY = frozenset({502, 503, 504})
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0


class Api:
    """The HTTP side of the SDK; a context manager.

    patience: seconds for which calls that may be repeated wait for a server that is away.
    pause and clock: how to wait and what time it is; tests bring their own.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: float = 0.0,
        transport: Any = None,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._httpx = need("httpx", extra="server", why="to talk to a server")
        self._http = self._httpx.Client(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            transport=transport,
            timeout=30.0,
        )
        self._patience, self._pause, self._clock = patience, pause, clock

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

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
        again = method in ("GET", "PUT", "DELETE") if repeatable is None else repeatable
        until, wait = self._clock() + (self._patience if again else 0.0), FIRST_PAUSE
        while True:
            try:
                answer = self._http.request(method, path, json=body, params=query, headers=headers)
                if answer.status_code in accept:
                    return answer.json()
                if answer.status_code not in AWAY:
                    return _read(answer)
                said = f"it answers {answer.status_code}"
            except self._httpx.TransportError as error:
                said = str(error) or type(error).__name__
            if self._clock() + wait > until:
                raise errors.ServerAway(
                    f"There is no answer from {self._http.base_url}: {said}.",
                    remedy="Is it running? See: engram status",
                )
            self._pause(wait)
            wait = min(2 * wait, LONGEST_PAUSE)


def _read(answer: Any) -> Any:
    if answer.status_code < 400:
        return answer.json() if answer.content else None
    if answer.headers.get("content-type", "").startswith(PROBLEM):
        raise told(answer.json())
    raise errors.PlatformError(f"The server answered {answer.status_code} to {answer.request.url.path}.")


def told(problem: Mapping[str, Any]) -> EngramError:
    """Return the error that a problem document tells: its class by name, from the tree in engram.errors.

    >>> type(told({"error": "NotFound", "detail": "There is no run r_1.", "remedy": ""})).__name__
    'NotFound'
    >>> type(told({"error": "os.system", "detail": "boo"})).__name__
    'PlatformError'
    """
    name = str(problem.get("error", ""))
    cls = getattr(errors, name, None)
    if not (isinstance(cls, type) and issubclass(cls, EngramError)):
        cls = errors.PlatformError
    error = cls.__new__(cls)
    EngramError.__init__(error, str(problem.get("detail", "")), remedy=str(problem.get("remedy", "")))
    return error
