"""The audit: who did what to what, with which result; each entry is chained to the one before it.

The database keeps the entries; the ledger keeps, hourly, the digest of the last one, so that nothing before it can be
changed, dropped or reordered unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from engram.errors import VerificationFailed
from engram.files import canonical_json
from engram.security.redact import redact, redact_text

FORMAT = "engram.audit/1"
NOTHING = "sha256:" + "0" * 64

Result = Literal["allowed", "refused", "failed"]


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit.

    index: from 0, without gaps. time: microseconds since 1970, UTC.
    user: the opaque id, empty for nobody; via: ``token``, the prefix of an API key, ``attempt`` or ``server``.
    subject: the opaque id of what it was done to. reason: why it was refused or failed.
    detail: redacted before the entry is made. before: the digest of the entry before this one.
    """

    index: int
    time: int
    user: str
    via: str
    operation: str
    subject: str
    result: Result
    request: str
    address: str
    before: str
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    format: str = FORMAT


@dataclass(frozen=True)
class AuditDraft:
    """What happened, before it has a place in the chain."""

    user: str
    operation: str
    result: Result
    subject: str = ""
    reason: str = ""
    via: str = ""
    request: str = ""
    address: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class AuditLog(Protocol):
    """Where entries are kept; `append` gives the last entry and adds the next in one transaction."""

    def append(self, make: Callable[[AuditEntry | None], AuditEntry]) -> AuditEntry:
        """Call `make` with the last entry, keep what it returns, and return it."""


@dataclass(frozen=True)
class AuditRoot:
    """What the ledger keeps of the audit: how many entries there are, and the digest of the last."""

    size: int
    digest: str


def record(log: AuditLog, draft: AuditDraft, clock: Callable[[], float]) -> AuditEntry:
    """Write what happened, without secrets, behind the last entry."""
    now = int(clock() * 1_000_000)
    return log.append(lambda last: chain(last, draft, now))


def chain(last: AuditEntry | None, draft: AuditDraft, time: int) -> AuditEntry:
    """Return the entry that follows another; every text in it is redacted.

    >>> first = chain(None, AuditDraft("u_1", "runs.create", "allowed", "r_1"), 5)
    >>> first.index, chain(first, AuditDraft("u_1", "runs.cancel", "allowed", "r_1"), 6).before == digest_of(first)
    (0, True)
    """
    texts = {
        name: redact_text(str(getattr(draft, name)))
        for name in ("user", "via", "operation", "subject", "request", "address", "reason")
    }
    return AuditEntry(
        index=last.index + 1 if last else 0,
        time=time,
        result=draft.result,
        before=digest_of(last) if last else NOTHING,
        detail=_finite(redact(draft.detail)),
        **texts,
    )


def digest_of(entry: AuditEntry) -> str:
    """Return the digest of an entry's canonical JSON, which holds the digest of the one before it."""
    return "sha256:" + hashlib.sha256(canonical_json(asdict(entry))).hexdigest()


def root_of(last: AuditEntry | None) -> AuditRoot:
    """Return what the ledger keeps of the audit up to its last entry.

    >>> root_of(None).size, root_of(chain(None, AuditDraft("u_1", "runs.create", "allowed"), 5)).size
    (0, 1)
    """
    return AuditRoot(last.index + 1, digest_of(last)) if last else AuditRoot(0, NOTHING)


def verify_chain(
    entries: Iterable[AuditEntry], roots: Iterable[AuditRoot] = (), start: AuditRoot = AuditRoot(0, NOTHING)
) -> AuditRoot:
    """Prove that entries are the ones that were written, and that every root from the ledger is among their past.

    start: what comes before the first entry that is kept; roots of what is older can't be compared any more.

    Returns the root of all of them. Raises VerificationFailed, naming the index, when one was changed, dropped, added
    or moved, and when the audit is shorter than a root says.
    """
    wanted = {root.size: root.digest for root in roots if root.size >= start.size}
    size, digest = start.size, start.digest
    _compare(wanted, size, digest)
    for entry in entries:
        if entry.index != size or entry.before != digest:
            raise VerificationFailed(
                f"Audit entry {size} is not the one that was written: something before it was changed, dropped or "
                f"moved (found index {entry.index}).",
                remedy="Compare with a backup; what the ledger's last good root covers can still be trusted.",
            )
        size, digest = size + 1, digest_of(entry)
        _compare(wanted, size, digest)
    if wanted:
        raise VerificationFailed(
            f"The audit has {size} entries, but the ledger has a root of {max(wanted)}: its end is missing.",
            remedy="Restore the database from a backup.",
        )
    return AuditRoot(size, digest)


def _compare(wanted: dict[int, str], size: int, digest: str) -> None:
    if wanted.pop(size, digest) != digest:
        raise VerificationFailed(
            f"Audit entry {size - 1} or one before it is not what the ledger's root of {size} entries covers.",
            remedy="Compare with a backup; an earlier root that still fits says how far it can be trusted.",
        )


def _finite(detail: Any) -> Any:
    """Return the detail with numbers that JSON has; others become their text."""
    if isinstance(detail, dict):
        return {name: _finite(each) for name, each in detail.items()}
    if isinstance(detail, list):
        return [_finite(each) for each in detail]
    if isinstance(detail, float) and detail - detail != 0:
        return str(detail)
    return detail
