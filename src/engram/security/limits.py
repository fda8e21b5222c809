"""Budgets per user and per operation, one set for REST, WebSocket and gRPC; moving windows by the `limits` library.

A budget's name is the operation of the policy, never a path, so a trailing slash, another case or another protocol
spends the same budget. Its owner is the user, whatever key or token she comes with; for nobody, the client's address.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from limits import RateLimitItem, parse
from limits.strategies import MovingWindowRateLimiter

from engram.errors import Throttled, UnknownName, UsageError
from engram.security.moving_window import MovingWindows
from engram.security.operations import OPERATIONS
from engram.security.principal import Principal

ALL = "*"
# What one user may do in all, and what costs more than reading.
DEFAULT_BUDGETS: Mapping[str, str] = {
    ALL: "1200/minute",
    "sessions.sign_in": "30/minute",
    "sessions.refresh": "60/minute",
    "oauth.start": "30/minute",
    "oauth.callback": "30/minute",
    "users.change_password": "10/minute",
    "keys.create": "30/hour",
    "runs.create": "60/minute",
    "datasets.create": "60/minute",
    "uploads.create": "60/minute",
    "uploads.write": "1200/minute",
    "uploads.finish": "60/minute",
    "deployments.create": "60/minute",
    "deployments.predict": "600/minute",
    "ws.connect": "120/minute",
    "audit.export": "10/minute",
    "home.backup": "10/hour",
}

# The same work under another name or another shape spends the same budget.
SAME_BUDGET: Mapping[str, str] = {
    "deployments.stream": "deployments.predict",
    "deployments.predict_file": "deployments.predict",
    "openai.chat.completions": "deployments.predict",
    "openai.completions": "deployments.predict",
    "openai.embeddings": "deployments.predict",
    "openai.audio.speech": "deployments.predict",
    "openai.audio.transcriptions": "deployments.predict",
    "core.predict": "deployments.predict",
    "openai.fine_tuning.create": "runs.create",
    "core.launch": "runs.create",
    "openai.files.create": "datasets.create",
}


@dataclass(frozen=True)
class Limits:
    """The budgets in force; make it with `make_limits`."""

    budgets: Mapping[str, RateLimitItem]
    limiter: MovingWindowRateLimiter
    clock: Callable[[], float]
    # Both windows are asked before either is spent, so that a refused request costs nothing.
    lock: threading.Lock = field(default_factory=threading.Lock)


def make_limits(budgets: Mapping[str, str] = DEFAULT_BUDGETS, *, clock: Callable[[], float] = time.monotonic) -> Limits:
    """Return budgets in force; raises what `parse_budgets` raises."""
    return Limits(parse_budgets(budgets), limiter_of(clock), clock)


def with_budgets(limits: Limits, budgets: Mapping[str, str]) -> Limits:
    """Return the same limits under other budgets; what was spent stays spent. Raises what `parse_budgets` raises."""
    return replace(limits, budgets=parse_budgets(budgets))


def parse_budgets(budgets: Mapping[str, str]) -> dict[str, RateLimitItem]:
    """Read budgets written as ``<number>/<unit>``; ``*`` is what one user may do in all.

    Raises UnknownName for an operation that is not in the policy, and UsageError for a budget that can't be read or
    when ``*`` is missing.
    """
    if ALL not in budgets:
        raise UsageError(
            "The budgets have no '*', which bounds what one user may do in all.", remedy="'*': 1200/minute"
        )
    return {name: _parse(name, said) for name, said in budgets.items()}


def spend(limits: Limits, principal: Principal, address: str, operation: str, *, cost: int = 1) -> None:
    """Take from the budgets of whoever asks: her budget in all, and that of the operation.

    Raises Throttled with `retry_after` when either is spent, and UnknownName for an operation without a policy.

    >>> limits = make_limits({"*": "1/minute"}, clock=lambda: 5.0)
    >>> spend(limits, Principal("u_1", "viewer"), "203.0.113.7", "runs.list")
    >>> spend(limits, Principal("u_1", "viewer"), "203.0.113.7", "runs.list")
    Traceback (most recent call last):
    engram.errors.Throttled: The limit of 1 per 1 minute is reached. Try again in 60 s.
    """
    if operation not in OPERATIONS:
        raise UnknownName.of("operation", operation, OPERATIONS)
    owner = owner_of(principal, address)
    windows = [(ALL, limits.budgets[ALL])]
    budget = SAME_BUDGET.get(operation, operation)
    if budget in limits.budgets:
        windows.append((budget, limits.budgets[budget]))
    with limits.lock:
        for name, item in windows:
            if not limits.limiter.test(item, name, owner, cost=cost):
                raise throttled(limits.limiter, limits.clock, item, name, owner)
        for name, item in windows:
            limits.limiter.hit(item, name, owner, cost=cost)


def owner_of(principal: Principal, address: str) -> str:
    """Return whose budget a request spends.

    >>> owner_of(Principal("u_1", "viewer"), "203.0.113.7")
    'user u_1'
    >>> owner_of(Principal(), "203.0.113.7")
    'address 203.0.113.7'
    """
    if principal.attempt is not None:
        return f"run {principal.attempt.run}"
    return f"user {principal.user}" if principal.user else f"address {address}"


def limiter_of(clock: Callable[[], float]) -> MovingWindowRateLimiter:
    """Return moving windows that ask this clock (seconds, monotonic)."""
    return MovingWindowRateLimiter(MovingWindows(clock))


def throttled(
    limiter: MovingWindowRateLimiter, clock: Callable[[], float], item: RateLimitItem, *owner: str
) -> Throttled:
    """Return the refusal of a spent budget; it says when the oldest request leaves the window, in whole seconds."""
    wait = limiter.get_window_stats(item, *owner).reset_time - clock()
    return Throttled(f"The limit of {item} is reached.", retry_after=max(1, math.ceil(wait)))


def _parse(name: str, said: str) -> RateLimitItem:
    if name != ALL and name not in OPERATIONS:
        raise UnknownName.of("operation", name, OPERATIONS)
    if name in SAME_BUDGET:
        raise UsageError(
            f"{name!r} has no budget of its own: it is the same work as {SAME_BUDGET[name]!r}.",
            remedy=f"Give the budget to {SAME_BUDGET[name]!r}.",
        )
    try:
        return parse(said)
    except ValueError as error:
        raise UsageError(
            f"The budget {said!r} of {name!r} can't be read: expected a number and a unit.", remedy="Write 60/minute"
        ) from error
