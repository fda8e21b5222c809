"""The database of a home: SQLite in the home's folder, or PostgreSQL by a URL, with the same manners on both.

There is one writer at a time, whichever the database: on SQLite a lock of this process and BEGIN IMMEDIATE, on
PostgreSQL an advisory lock of the database. So what is checked in a write holds until it commits, and cursors that
grow are committed in the order in which they were given.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, UpdateBase, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url

from engram.errors import EngramError, PlatformError, UsageError
from engram.store.sqlite import DATABASE_FILE, prepare_sqlite

WAIT_SECONDS = 10
MOST_CONNECTIONS = 20  # at once, beside the five that stay open
POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_WRITER_LOCK = 0x656E6772616D  # "engram" in ASCII: the advisory lock that makes PostgreSQL's writers take turns
_SQLITE_NOW = text(
    "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000"
)
_POSTGRES_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


@dataclass(frozen=True)
class Database:
    """An open database; threads may share it. `place` names it in messages, without a password.

    guard: looked at in the transaction of every write before anything else; what it raises keeps the write from
    happening.
    after_write: told the names of the tables that a write has changed, once it is committed; what it does is short.
    """

    engine: Engine
    place: str
    guard: Callable[[Connection], object] | None = None
    after_write: list[Callable[[frozenset[str]], None]] = field(default_factory=list, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _writing: threading.local = field(default_factory=threading.local, repr=False)

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is the home's own SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Look at one consistent state; keep the block short, and write nothing in it.

        Raises PlatformError when the database can't be reached, or when the block tries to write.
        """
        if self.is_sqlite:
            options = {"engram_begin": "BEGIN", "engram_query_only": True}
        else:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with _told(self.place), self.engine.connect().execution_options(**options) as tx, tx.begin():
            yield tx

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Change things: all of the block is kept, or after an error or a crash none of it.

        Writers take turns. Raises PlatformError when the database can't be reached, is full, or stays busy for
        `WAIT_SECONDS`; and when a thread that writes already begins to write again, which would wait for itself.
        """
        if getattr(self._writing, "now", False):
            raise PlatformError("A write began inside a write.", remedy="Hand the open transaction down.")
        with _told(self.place), self._taking_turns():
            self._writing.now = True
            touched: set[str] = set()
            options = {"engram_begin": "BEGIN IMMEDIATE", "engram_touched": touched}
            try:
                with self.engine.connect().execution_options(**options) as tx, tx.begin():
                    if not self.is_sqlite:
                        # READ COMMITTED: each statement after this one sees what the writer before us committed.
                        tx.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
                        tx.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _WRITER_LOCK})
                    if self.guard is not None:
                        self.guard(tx)
                    yield tx
            finally:
                self._writing.now = False
        if touched:
            for tell in self.after_write:
                tell(frozenset(touched))

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise PlatformError(
                f"{self.place} was busy for {WAIT_SECONDS} s: another thread is writing. Nothing was changed.",
                remedy="Try again; a write that takes this long is a fault.",
            )
        try:
            yield
        finally:
            self._turn.release()


def open_database(home: Path, url: str | None = None) -> Database:
    """Open the database of a home, making an empty SQLite file (mode 0600) when there is none and no URL is given.

    url: `postgresql://user:password@host:port/name`. The tables come by `engram.store.migrate.migrate`.
    Raises UsageError for a URL of anything else.
    """
    if url is None:
        path = home / DATABASE_FILE
        home.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        file = URL.create("sqlite", database=str(path))
        engine = create_engine(file, connect_args={"timeout": WAIT_SECONDS}, max_overflow=MOST_CONNECTIONS)
        prepare_sqlite(engine)
        event.listen(engine, "after_execute", _note_table)
        return Database(engine, str(path))
    parsed = _postgres_url(url)
    engine = create_engine(parsed, pool_pre_ping=True, max_overflow=MOST_CONNECTIONS, pool_timeout=WAIT_SECONDS)
    event.listen(engine, "after_execute", _note_table)
    return Database(engine, parsed.set(drivername="postgresql").render_as_string(hide_password=True))


def now(tx: Connection) -> int:
    """Return the database's time: microseconds since 1970 in UTC (SQLite knows it to the millisecond).

    The clocks of clients have no part in it.
    """
    return int(tx.execute(_SQLITE_NOW if tx.dialect.name == "sqlite" else _POSTGRES_NOW).scalar_one())


def _note_table(connection: Connection, statement: Any, *_: Any) -> None:
    """Remember which table a statement of a write changes, whoever made the statement: none can forget to say so."""
    touched = connection.get_execution_options().get("engram_touched")
    if touched is not None and isinstance(statement, UpdateBase):
        touched.add(str(getattr(statement.table, "name", "")))


def _postgres_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise UsageError("ENGRAM_DATABASE_URL is not a URL.", remedy=_URL_REMEDY) from error
    if parsed.drivername not in POSTGRES:
        raise UsageError(f"ENGRAM_DATABASE_URL names {parsed.drivername!r}, not PostgreSQL.", remedy=_URL_REMEDY)
    return parsed.set(drivername="postgresql+psycopg")


_URL_REMEDY = "For example postgresql://engram@localhost/engram; without it the home keeps its own SQLite file."


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turn what the driver raises into words; errors of our own pass."""
    try:
        yield
    except exc.StatementError as error:
        cause = error.orig
        if isinstance(cause, EngramError):  # a value that a column refused, wrapped by the library
            raise cause from None
        if isinstance(error, exc.OperationalError | exc.InternalError):
            raise _unusable(place, str(cause)) from error
        raise
    except exc.TimeoutError as error:
        raise _unusable(place, "all connections are in use") from error


def _unusable(place: str, why: str) -> PlatformError:
    line = why.strip().splitlines()[0] if why.strip() else "it does not answer"
    for sign, remedy in _UNCHANGED.items():
        if sign in line:
            return PlatformError(f"The database {place} can't be used: {line}. Nothing was changed.", remedy=remedy)
    # A connection that is lost while it commits leaves that open, so nothing is promised here.
    remedy = "See that it runs and can be reached; then ask whether the last change is there before you repeat it."
    return PlatformError(f"The database {place} can't be used: {line}.", remedy=remedy)


_UNCHANGED = {
    "is full": "Make room on the disk and try again.",
    "is locked": "Another process writes there; try again when it ends.",
    "lock timeout": "Another process writes there; try again when it ends.",
    "readonly": "A read tried to write, or the file may not be written: see its permissions.",
    "read-only": "A read tried to write: this is a fault of Engram's.",
}
