"""The states of a run and the only steps between them."""

from __future__ import annotations

from typing import Literal, get_args

from engram.errors import PlatformError

State = Literal[
    "queued",
    "running",
    "paused",
    "awaiting_review",
    "cancelling",
    "cancelled",
    "failed_user",
    "failed_platform",
    "preempted",
    "lost_contact",
    "refused",
    "published",
]
STATES: tuple[State, ...] = get_args(State)

NEXT: dict[State, frozenset[State]] = {
    "queued": frozenset({"running", "cancelled"}),
    "running": frozenset(
        {
            "queued",
            "paused",
            "awaiting_review",
            "cancelling",
            "cancelled",
            "failed_user",
            "failed_platform",
            "preempted",
            "lost_contact",
            "refused",
            "published",
        }
    ),
    "paused": frozenset({"queued", "running", "cancelled"}),
    "awaiting_review": frozenset({"queued", "running", "refused", "cancelled"}),
    "cancelling": frozenset({"cancelled", "failed_platform", "lost_contact"}),
    "cancelled": frozenset({"queued", "running"}),
    "failed_user": frozenset({"queued", "running"}),
    "failed_platform": frozenset({"queued", "running"}),
    "preempted": frozenset({"queued", "running", "cancelled"}),
    "lost_contact": frozenset({"queued", "running", "paused", "cancelled", "failed_platform"}),
    "refused": frozenset(),
    "published": frozenset(),
}

GROUPS: dict[str, frozenset[State]] = {
    "In Progress": frozenset({"queued", "running", "cancelling"}),
    "Paused": frozenset({"paused", "awaiting_review", "preempted", "lost_contact"}),
    "Completed": frozenset({"published"}),
    "Failed": frozenset({"cancelled", "failed_user", "failed_platform", "refused"}),
}


def step(now: State, then: State) -> State:
    """Return `then` if a run may go there from `now`.

    Raises PlatformError otherwise: a run that jumps states is a fault of ours.

    >>> step("queued", "running")
    'running'
    """
    if then not in NEXT[now]:
        allowed = ", ".join(sorted(NEXT[now])) or "nothing: it is final"
        raise PlatformError(f"A run that is {now} can't become {then}.", remedy=f"Allowed next: {allowed}.")
    return then


def flag(state: str) -> str:
    """Return the flag under which people see a state: In Progress, Paused, Completed or Failed.

    >>> flag("awaiting_review"), flag("published")
    ('Paused', 'Completed')
    """
    return next(name for name, states in GROUPS.items() if state in states)
