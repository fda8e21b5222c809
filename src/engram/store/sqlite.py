"""What SQLite needs to be told on every connection, and how its transactions begin."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event

DATABASE_FILE = "engram.db"
SAFE_WAL = (3, 51, 3)


def journal_mode(version: tuple[int, ...]) -> str:
    """Return the journal that a version of the library may use.

    Before 3.51.3 a write-ahead log can be corrupted by two writing connections (sqlite.org, "WAL-reset bug"), so those
    keep the rollback journal.

    >>> journal_mode((3, 40, 1)), journal_mode((3, 51, 3)), journal_mode((3, 52, 0))
    ('delete', 'wal', 'wal')
    """
    return "wal" if version >= SAFE_WAL else "delete"


def prepare_sqlite(engine: Engine) -> None:
    """Let every connection of an engine check foreign keys, sync fully and begin its transactions as it is told."""
    event.listen(engine, "connect", _connect)
    event.listen(engine, "begin", _begin)


def _connect(connection: Any, record: Any) -> None:
    # The driver's own BEGIN comes late and never as IMMEDIATE; without an isolation level it leaves that to us.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode={journal_mode(sqlite3.sqlite_version_info)}")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    begin = options.get("engram_begin", "BEGIN")
    if not options.get("engram_query_only", False):
        connection.exec_driver_sql("PRAGMA query_only=0")
        connection.exec_driver_sql(begin)
        return
    # Neither of these asks for a lock or can fail, so the driver is told without the library's care for each statement.
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA query_only=1")
    driver.execute(begin)
