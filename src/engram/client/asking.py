"""One way to ask a server: problem documents become Engram's own errors, and a server that is away is waited for."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from engram import errors
from engram.client.effects import Clock, Give, More, Pause, Response, Send, Steps, Unreached
from engram.errors import EngramError

PROBLEM = "application/problem+json"
AWAY = frozenset({502, 503, 504})
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
HARMLESS = frozenset({"GET", "HEAD", "PUT", "DELETE"})


def ask(wish: Send, patience: float, repeatable: bool | None = None, accept: Collection[int] = ()) -> Steps:
    """Ask for something and return the `Response`.

    patience: seconds for which what may be repeated waits for a server that is away. repeatable: whether it does no
    harm to ask twice; reading, replacing and deleting do none. accept: statuses above 399 that are answers too.

    Raises the error that the server tells, by its name; ServerAway when there is no answer for longer than that.
    """
    again = wish.method in HARMLESS if repeatable is None else repeatable
    wait = FIRST_PAUSE
    until = (yield Clock()) + (patience if again else 0.0)
    while True:
        try:
            answer: Response = yield wish
            if answer.status in accept:
                return answer
            if answer.status not in AWAY:
                return _checked(answer)
            said = _away(answer)
        except Unreached as error:
            said = errors.ServerAway(f"There is no answer: {error}.", remedy="Is it running? See: engram status")
        if (yield Clock()) + wait > until:
            raise said
        yield Pause(wait)
        wait = min(2 * wait, LONGEST_PAUSE)


def ask_json(wish: Send, patience: float, repeatable: bool | None = None, accept: Collection[int] = ()) -> Steps:
    """Ask for something and return its JSON; None where the answer is empty. Raises what `ask` raises."""
    answer = yield from ask(wish, patience, repeatable, accept)
    return json.loads(answer.content) if answer.content else None


def give_lines(wish: Send, patience: float) -> Steps:
    """Ask for lines of JSON and give each as it comes; a line with an error raises it."""
    yield from ask(replace(wish, stream=True), patience, repeatable=False)
    rest = b""
    try:
        while (piece := (yield More())) is not None:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                document = json.loads(line)
                if "error" in document:
                    raise told(document)
                yield Give(document)
    except Unreached as error:
        raise errors.ServerAway(f"The answer broke off: {error}.", remedy="Ask again.") from None


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
    if isinstance(error, errors.Throttled):
        seconds = str(problem.get("retry_after", ""))
        error.retry_after = int(seconds) if seconds.isdecimal() else 1
    return error


def _checked(answer: Response) -> Response:
    if answer.status < 400:
        return answer
    if answer.media == PROBLEM:
        raise told({**json.loads(answer.content), "retry_after": answer.headers.get("retry-after", "1")})
    raise errors.PlatformError(f"The server answered {answer.status} to {answer.where}.")


def _away(answer: Response) -> EngramError:
    if answer.media == PROBLEM:
        return told(json.loads(answer.content))
    remedy = "Is it running? See: engram status"
    return errors.ServerAway(f"There is no answer from {answer.where}: it answers {answer.status}.", remedy=remedy)
