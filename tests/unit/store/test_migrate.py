"""Migrations: what they make is what the tables say, on both databases, and a newer database is left alone."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, inspect, text

from engram.errors import HomeNewer, UsageError
from engram.store.migrate import FOLDER, is_current, migrate, version_of, versions
from engram.store.tables import METADATA


def differences(db, metadata):
    with db.read() as tx:
        return compare_metadata(MigrationContext.configure(tx, opts={"compare_type": True}), metadata)


def test_the_migrations_make_the_tables_and_nothing_else(empty):
    assert migrate(empty) == versions()
    assert differences(empty, METADATA) == []


def test_a_table_that_no_migration_makes_is_seen(db):
    more = MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(more)
    Table("attic", more, Column("id", Integer, primary_key=True))
    assert [(said[0], said[1].name) for said in differences(db, more)] == [("add_table", "attic")]


def test_names_of_constraints_follow_the_convention_on_both_databases(db):
    with db.read() as tx:
        found = inspect(tx)
        for table in METADATA.sorted_tables:
            expected = {key.name for key in table.foreign_key_constraints}
            assert {key["name"] for key in found.get_foreign_keys(table.name)} == expected
            counts = table.dialect_options["sqlite"].get("autoincrement", False)
            if not (db.is_sqlite and counts):  # SQLite gives that key no name
                assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"


def test_an_empty_database_is_not_current_and_a_migrated_one_has_nothing_to_do(empty):
    assert not is_current(empty)
    migrate(empty)
    assert is_current(empty)
    assert migrate(empty) == []
    with empty.read() as tx:
        assert version_of(tx) == versions()[-1]


def test_a_database_of_a_newer_release_is_refused_in_words(db):
    with db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (migrate, is_current):
        with pytest.raises(HomeNewer, match=r"version 9999.*Install that release"):
            ask(db)


def test_a_database_of_somebody_else_is_refused(empty):
    with empty.write() as tx:
        tx.execute(text("CREATE TABLE users (name text)"))
    with pytest.raises(UsageError, match=r"did not make: users"):
        migrate(empty)
    with empty.read() as tx:
        assert set(inspect(tx).get_table_names()) == {"users"}


def test_versions_are_a_chain():
    scripts = list(reversed(list(ScriptDirectory(str(FOLDER)).walk_revisions())))
    assert [one.revision for one in scripts] == versions()  # the names of the files say what stands in them
    assert [one.down_revision for one in scripts] == [None, *versions()[:-1]]
