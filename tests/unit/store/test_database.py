"""The database: one writer at a time, reads that can't write, errors in words, and its own time."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from engram.errors import PlatformError, UsageError
from engram.store import tables
from engram.store.database import now, open_database
from engram.store.records import settings


def put(tx, name, value):
    return settings.put_setting(tx, name, value, actor="test")


def test_what_a_write_did_is_there_afterwards_and_an_error_takes_it_back(db):
    with db.write() as tx:
        put(tx, "kept", 1)
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        put(tx, "lost", 2)
        raise ZeroDivisionError
    with db.read() as tx:
        assert [one.name for one in settings.list_settings(tx)] == ["kept"]


def test_a_read_that_writes_is_refused_and_the_connection_stays_usable(db):
    with pytest.raises(PlatformError, match="A read tried to write"), db.read() as tx:
        put(tx, "sneaked", 1)
    with db.write() as tx:
        assert settings.list_settings(tx) == ()
        put(tx, "fine", 1)


def test_a_read_sees_one_state_from_beginning_to_end(db):
    """On SQLite the writer waits for the reader; on PostgreSQL it goes on, and the reader does not see it."""
    if db.is_sqlite:
        pytest.skip("with a rollback journal the writer's commit waits for the reader, so nothing can move meanwhile")
    with db.read() as tx:
        assert settings.list_settings(tx) == ()
        with db.write() as other:
            put(other, "new", 1)
        assert settings.list_settings(tx) == ()


def test_a_write_inside_a_write_is_refused_at_once(db):
    with pytest.raises(PlatformError, match="inside a write"), db.write(), db.write():
        pass
    with db.write() as tx:
        put(tx, "again", 1)


def test_writers_take_turns_so_that_nothing_is_lost_between_reading_and_writing(db):
    with db.write() as tx:
        put(tx, "count", 0)

    def add_one(_):
        with db.write() as tx:
            here = settings.get_setting(tx, "count")
            put(tx, "count", here.value + 1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add_one, range(48)))
    with db.read() as tx:
        assert settings.get_setting(tx, "count").value == 48


def test_time_is_the_databases_and_in_microseconds(db, monkeypatch):
    before = time.time_ns() // 1000
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    with db.read() as tx:
        found = now(tx)
    monkeypatch.undo()
    assert before - 1000 <= found <= time.time_ns() // 1000 + 1000


def test_foreign_keys_are_checked_on_every_connection(db):
    for _ in range(3):
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"), db.write() as tx:
            tx.execute(
                insert(tables.points).values(run="none", stage="", name="", step=0, value=0, time=0, attempt=0, seq=0)
            )


@pytest.mark.parametrize("bad", ["a\0b", "half \ud800"])
def test_text_that_one_database_can_not_hold_is_refused_by_both(db, bad):
    with pytest.raises(UsageError, match="can't be stored"), db.write() as tx:
        put(tx, bad, 1)


@pytest.mark.parametrize("value", [{"a\0": "\ud800", "ß": ["猫", 1.5, None, True]}, [], "text", 0, None])
def test_json_comes_back_as_it_was(db, value):
    with db.write() as tx:
        put(tx, "value", value)
    with db.read() as tx:
        stored = settings.get_setting(tx, "value").value
    assert stored == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, object()])
def test_what_json_does_not_know_is_refused(db, value):
    with pytest.raises(UsageError, match="stored as JSON"), db.write() as tx:
        put(tx, "value", value)


def test_a_number_beyond_64_bits_is_refused_by_both(db):
    with pytest.raises(UsageError, match="64 bits"), db.write() as tx:
        put(tx, "x", 1)
        tx.execute(update(tables.settings).values(updated=1 << 63))


def test_the_sqlite_file_is_the_owners_and_is_set_up(tmp_path):
    old = os.umask(0)
    try:
        db = open_database(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "engram.db").stat().st_mode) == 0o600
    with db.read() as tx:
        said = {name: tx.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("foreign_keys", "synchronous")}
        journal = tx.execute(text("PRAGMA journal_mode")).scalar_one()
    assert said == {"foreign_keys": 1, "synchronous": 2}
    assert journal == ("wal" if sqlite3.sqlite_version_info >= (3, 51, 3) else "delete")
    db.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///x.db", "not a url", ""])
def test_a_url_of_something_else_is_refused(tmp_path, url):
    with pytest.raises(UsageError, match="ENGRAM_DATABASE_URL"):
        open_database(tmp_path, url)


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path):
    db = open_database(tmp_path, f"postgresql://ann:secret@/x?host={tmp_path}")
    with pytest.raises(PlatformError, match="can't be used") as told, db.read():
        pass
    assert "secret" not in str(told.value)
    assert "secret" not in repr(db)


def test_another_process_that_writes_is_waited_for(tmp_path, monkeypatch):
    """The lock of another process, here another connection, ends the wait with words and not with a traceback."""
    monkeypatch.setattr("engram.store.database.WAIT_SECONDS", 0)
    db = open_database(tmp_path)
    other = sqlite3.connect(tmp_path / "engram.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(PlatformError, match=r"locked.*Another process writes there"), db.write():
        pass
    other.execute("ROLLBACK")
    other.close()
    with db.write() as tx:
        assert tx.execute(select(1)).scalar_one() == 1
    db.close()


def test_another_server_that_writes_is_waited_for_on_postgresql_too(db, monkeypatch):
    if db.is_sqlite:
        pytest.skip("SQLite has a test of its own above")
    other = open_database(Path(), db.engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr("engram.store.database.WAIT_SECONDS", 0.001)
    with (
        other.write(),
        pytest.raises(PlatformError, match=r"lock timeout.*Nothing was changed.*Another process"),
        db.write(),
    ):
        pass
    with db.write() as tx:
        put(tx, "again", 1)
    other.close()


def test_a_thread_that_writes_for_too_long_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("engram.store.database.WAIT_SECONDS", 0)
    db = open_database(tmp_path)
    told = []

    def also_write():
        try:
            with db.write():
                told.append("wrote")
        except PlatformError as error:
            told.append(error.message)

    with db.write():
        other = threading.Thread(target=also_write)
        other.start()
        other.join()
    assert len(told) == 1
    assert "another thread is writing" in told[0]
    db.close()
