"""Every error that a user can meet.

EngramError                     has .exit_code and .remedy
├── UserError                   the user can mend it; exit 1
│   ├── UsageError              wrong command line or recipe; exit 2
│   │   ├── RecipeError         a recipe that can't be read or means nothing (file, line)
│   │   └── UnknownName         a name that no registry holds; answers with the known ones
│   ├── DataError               a source that can't be imported (file, line, column)
│   ├── MissingExtra            an optional package is not installed
│   ├── HomeBusy                another process owns the home folder
│   ├── HomeNewer               the home or its database was written by a newer Engram
│   ├── Conflict                somebody else was first; the API answers 409
│   │   ├── Changed             it is no longer what you read (optimistic version)
│   │   └── StaleEpoch          a newer attempt has taken the run over; the old one stops itself
│   ├── NotSignedIn             no credential, or none that counts
│   ├── Forbidden               signed in, but the policy says no
│   ├── Throttled               too often, or all places are taken; `retry_after` in seconds
│   ├── WeakPassword            a password that may not be chosen
│   ├── NotFound                no run, artifact or entry by that name
│   ├── ServerAway              the server or its core does not answer
│   ├── NoSlot                  every slot of the machine is taken
│   ├── NoRoom                  a quota is used up, or the disk is nearly full
│   └── VerificationFailed      a certificate, artifact or ledger is not what was signed
├── Refused                     a gate said no; exit 3
│   ├── NeedsReview             a gate wants a person; exit 4
│   ├── Blocked                 a content filter did not let a text through
│   └── UnsafeAddress           a URL that the platform will not ask
├── TrainingStopped             training cannot go on
│   ├── Diverged                loss or gradients are no longer finite
│   ├── LearnsNothing           no trainable target, or the weights never move
│   ├── Cancelled               the user asked for it; exit 1
│   └── Paused                  the user asked for it; exit 0
└── PlatformError               Engram's own fault or the machine's; exit 1
    ├── CheckpointError         no checkpoint that can be trusted
    └── ChildFailed             a worker, judge or parity process ended badly
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EngramError(Exception):
    """The root of the tree; `remedy` tells the user what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UserError(EngramError):
    """Something that the user can mend."""


class UsageError(UserError):
    """The command line or the recipe is wrong."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe can't be read; the message begins with `file:line:` where a file is known."""


class UnknownName(UsageError):
    """A name that no registry holds.

    >>> print(UnknownName.of("metric", "acuracy", ["accuracy", "ece"]))
    Unknown metric 'acuracy'. Known: accuracy, ece. Did you mean 'accuracy'?
    """

    @classmethod
    def of(cls, what: str, received: str, known: Iterable[str]) -> UnknownName:
        """Make the error from what was named, what was received and the known names."""
        names = sorted(known)
        return cls(
            f"Unknown {what} {received!r}. Known: {', '.join(names) or 'none'}.",
            remedy=did_you_mean(received, names),
        )


class DataError(UserError):
    """A source can't be imported; `file`, `line` and `column` say where."""

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        column: str | int | None = None,
        remedy: str = "",
    ) -> None:
        where = ":".join(str(part) for part in (file, line) if part)
        if column is not None:
            where += f", column {column!r}" if isinstance(column, str) else f", column {column}"
        super().__init__(f"{where}: {message}" if where else message, remedy=remedy)
        self.file, self.line, self.column = file, line, column


class MissingExtra(UserError):
    """An optional package is not installed."""


class HomeBusy(UserError):
    """Another process owns the home folder."""


class HomeNewer(UserError):
    """The home or its database was written by a newer Engram than this one."""


class Conflict(UserError):
    """Somebody else was first: the name is taken, the key was used for something else, the lease is another's."""


class Changed(Conflict):
    """It is no longer what the caller read; read it again and decide again."""


class StaleEpoch(Conflict):
    """A newer attempt has taken the run over; the one that hears this stops itself."""


class NotSignedIn(UserError):
    """There is no credential, or none that counts; the message never says which part of it was wrong."""


class Forbidden(UserError):
    """The policy doesn't allow it."""


class Throttled(UserError):
    """Asked too often; `retry_after` says in how many whole seconds it is worth asking again."""

    retry_after = 1

    def __init__(self, message: str, *, retry_after: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy or f"Try again in {retry_after} s.")
        self.retry_after = retry_after


class WeakPassword(UserError):
    """A password that may not be chosen."""


class NotFound(UserError):
    """There is no run, artifact or entry by that name."""


class ServerAway(UserError):
    """The server, or its core, does not answer."""


class NoSlot(UserError):
    """Every slot of the machine is taken; what waits is started when one is free."""


class NoRoom(UserError):
    """A quota is used up, or the disk is nearly full; nothing was taken in."""


class VerificationFailed(UserError):
    """A certificate, artifact or ledger is not what was signed."""


class Refused(EngramError):
    """A gate said no."""

    exit_code = 3


class NeedsReview(Refused):
    """A gate wants a person to decide."""

    exit_code = 4


class Blocked(Refused):
    """A content filter did not let a text through; the message names the rule and never the text."""


class UnsafeAddress(Refused):
    """A URL that the platform will not ask, or an answer that it will not read."""


class TrainingStopped(EngramError):
    """Training cannot go on."""


class Diverged(TrainingStopped):
    """Loss or gradients are no longer finite."""


class LearnsNothing(TrainingStopped):
    """There is nothing to learn from, or the weights never move."""


class Cancelled(TrainingStopped):
    """The user cancelled the run; its last checkpoint is kept."""


class Paused(TrainingStopped):
    """The user paused the run; `--resume` goes on from its checkpoint."""

    exit_code = 0


class PlatformError(EngramError):
    """Engram's own fault, or the machine's."""


class CheckpointError(PlatformError):
    """There is no checkpoint that can be trusted."""


class ChildFailed(PlatformError):
    """A worker, judge or parity process ended badly."""


def did_you_mean(received: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` for the nearest known name, or an empty string.

    >>> did_you_mean("learing_rate", ["learning_rate", "epochs"])
    "Did you mean 'learning_rate'?"
    >>> did_you_mean("zzz", ["learning_rate"])
    ''
    """
    near = difflib.get_close_matches(received, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else ""
