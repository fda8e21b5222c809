"""The audit of a home: its chain in the database, its root in the ledger, and the proof that both still agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from engram.errors import VerificationFailed
from engram.ledger.log import Ledger
from engram.schema.entry import Entry
from engram.security.audit import AuditDraft, AuditEntry, AuditRoot, digest_of, record, verify_chain
from engram.server.platform import Platform
from engram.store.database import Database, now
from engram.store.records import audit
from engram.store.records.audit import Line
from engram.store.times import to_micros

ROOTED = "audit.rooted"
MICROS = 1_000_000
ROOT_EVERY = 3600 * MICROS
DAY = 24 * ROOT_EVERY


@dataclass(frozen=True)
class StoredAudit:
    """The log that `engram.security.audit` writes to, in an open transaction."""

    tx: Connection

    def append(self, make: Callable[[AuditEntry | None], AuditEntry]) -> AuditEntry:
        """Call `make` with the last entry, keep what it returns, and return it."""
        last = audit.last_line(self.tx)
        entry = make(_entry(last) if last else None)
        audit.add_line(self.tx, _line(entry))
        return entry


def record_with(tx: Connection, draft: AuditDraft) -> None:
    """Write what happens in a transaction into it, so that neither is kept without the other."""
    record(StoredAudit(tx), draft, lambda: now(tx) / MICROS)


def record_in(db: Database, draft: AuditDraft) -> None:
    """Write what happened, without anything secret, behind the last entry."""
    with db.write() as tx:
        record_with(tx, draft)


class Roots:
    """Enters the audit's root in the ledger every hour in which anything was added; it remembers the last one."""

    def __init__(self, here: Platform) -> None:
        self._here = here
        self._last: Entry | None = None
        self._looked = False

    def enter(self, keep_days: int = 0) -> bool:
        """Enter the root if an hour has passed and there is anything new; True when it was.

        keep_days: lines that are older are forgotten, 0 keeps all. The ledger says first where the audit will begin,
        so that forgotten lines are told from missing ones.
        """
        here = self._here
        if not self._looked:
            with here.writing:
                self._last, self._looked = _last_root(here.ledger), True
        last = self._last
        if last is not None and here.clock() * MICROS - to_micros(last.time) < ROOT_EVERY:
            return False
        with here.writing, here.db.write() as tx:
            newest = audit.last_line(tx)
            if newest is None or (last is not None and last.body["size"] == newest.id):
                return False
            old = audit.last_number_before(tx, now(tx) - keep_days * DAY) if keep_days else 0
            first = max(audit.first_number(tx) or 1, min(old + 1, newest.id))
            body = {"size": newest.id, "digest": newest.digest, "first": first}
            self._last = here.ledger.append(ROOTED, newest.digest, body)
            audit.forget_lines(tx, first)
        return True


def check_audit(here: Platform) -> AuditRoot:
    """Prove that no line of the audit was changed, dropped, added or moved since it was written.

    Raises VerificationFailed, naming the line by its index from 0.
    """
    with here.writing:
        roots = [one.body for one in here.ledger.entries() if one.type == ROOTED]
    first = int(roots[-1]["first"]) if roots else 1
    with here.db.read() as tx:
        lines = _all_lines(tx)
        head = next(lines, None)
        if head is None and not roots:
            return verify_chain([])
        if head is None or head.id > first:
            raise VerificationFailed(
                f"The audit begins at entry {head.id - 1 if head else 'none'}, but the ledger says that it begins at "
                f"{first - 1}: what is between was dropped.",
                remedy="Restore the database from a backup.",
            )
        start = AuditRoot(head.id - 1, head.before)
        kept = [AuditRoot(int(one["size"]), str(one["digest"])) for one in roots]
        return verify_chain(_entries(head, lines), kept, start)


def _last_root(ledger: Ledger) -> Entry | None:
    for index in range(ledger.size - 1, -1, -1):
        found = ledger.entry(index)
        if found.type == ROOTED:
            return found
    return None


def _all_lines(tx: Connection) -> Iterator[Line]:
    last = 0
    while page := audit.lines_after(tx, last):
        yield from page
        last = page[-1].id


def _entries(head: Line, rest: Iterator[Line]) -> Iterator[AuditEntry]:
    line: Line | None = head
    while line is not None:
        entry = _entry(line)
        if digest_of(entry) != line.digest:
            raise VerificationFailed(
                f"Audit entry {entry.index} is not the one that was written: it was changed.",
                remedy="Compare with a backup.",
            )
        yield entry
        line = next(rest, None)


def _entry(line: Line) -> AuditEntry:
    return AuditEntry(
        index=line.id - 1,
        time=line.time,
        user=line.actor,
        via=line.via,
        operation=line.operation,
        subject=line.subject,
        result=line.outcome,  # type: ignore[arg-type]  # whatever stands there is what the digest must cover
        request=line.request,
        address=line.address,
        before=line.before,
        reason=line.reason,
        detail=line.detail,
    )


def _line(entry: AuditEntry) -> Line:
    return Line(
        id=entry.index + 1,
        time=entry.time,
        actor=entry.user,
        via=entry.via,
        operation=entry.operation,
        subject=entry.subject,
        outcome=entry.result,
        reason=entry.reason,
        address=entry.address,
        request=entry.request,
        detail=entry.detail,
        before=entry.before,
        digest=digest_of(entry),
    )
