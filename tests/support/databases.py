"""Fixtures of the store: a migrated database of each sort, and a user who owns things in it."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from support import postgres

from engram.store.database import Database, open_database
from engram.store.migrate import migrate
from engram.store.records import users

SORTS = ("sqlite", "postgres")


@pytest.fixture(params=SORTS, scope="session")
def sort(request: pytest.FixtureRequest) -> str:
    """Name the database that this test runs on; PostgreSQL is left out, with the reason, where there is none."""
    if request.param == "postgres" and (reason := postgres.why_not()):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def empty(sort: str, tmp_path: Path) -> Iterator[Database]:
    """Open a database without tables."""
    db = open_database(tmp_path / "home", None if sort == "sqlite" else postgres.server().fresh())
    yield db
    db.close()


@pytest.fixture
def db(sort: str, tmp_path: Path) -> Iterator[Database]:
    """Open a database with this release's tables."""
    db = open_database(tmp_path / "home", migrated_copy(sort, tmp_path / "home"))
    yield db
    db.close()


@pytest.fixture(scope="session")
def still(sort: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Open a database with this release's tables that tests only read."""
    home = tmp_path_factory.mktemp("still")
    db = open_database(home, migrated_copy(sort, home))
    yield db
    db.close()


@pytest.fixture
def ann(db: Database) -> str:
    """Return the id of a user."""
    return new_user(db, "ann")


def new_user(db: Database, name: str) -> str:
    """Make a user and return the id."""
    with db.write() as tx:
        return users.create_user(tx, name=name, role="Developer").id


def migrated_copy(sort: str, home: Path) -> str | None:
    """Return the URL (None for SQLite) of a copy of a database that was migrated once."""
    if sort == "postgres":
        return postgres.server().fresh(_postgres_template())
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(_sqlite_template(), home / "engram.db")
    return None


@cache
def _sqlite_template() -> Path:
    home = Path(mkdtemp(prefix="engram-db-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    db = open_database(home)
    migrate(db)
    db.close()
    return home / "engram.db"


@cache
def _postgres_template() -> str:
    url = postgres.server().fresh()
    db = open_database(Path(), url)
    migrate(db)
    db.close()
    return str(db.engine.url.database)
