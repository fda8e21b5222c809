"""Backup, restore and upgrade of a home."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from support.stored import contents, fill, write

from engram.errors import HomeNewer, NotFound, PlatformError, Refused, UsageError, UserError, VerificationFailed
from engram.ledger.keys import load_or_create_signer, load_vkey
from engram.ledger.log import Ledger
from engram.ledger.verify import verify_ledger
from engram.store import copying
from engram.store.backup import MANIFEST, backup, read_manifest, restore
from engram.store.copying import copy_ledger
from engram.store.database import open_database
from engram.store.home import VERSION_FILE, check_home, open_home
from engram.store.migrate import is_current, migrate
from engram.store.pages import Ask
from engram.store.records import deployments, users
from engram.store.upgrade import upgrade


@pytest.fixture
def home(tmp_path):
    return fill(tmp_path / "home")


def test_a_home_comes_back_as_it_was_without_its_secrets_and_what_can_be_made_again(home, tmp_path):
    write(home / "cache" / "x", "made again")
    write(home / "artifacts" / ".pending-x" / "model", "half")
    made = backup(home, tmp_path / "saved")
    assert not made.secret
    restore(tmp_path / "saved", tmp_path / "back")
    before, after = contents(home), contents(tmp_path / "back")
    gone = {path for path in before if path not in after}
    assert {path.split("/")[0] for path in gone} == {"cache", "artifacts", "keys", "runs"}
    hidden = {path for path in gone if path.startswith(("keys", "artifacts"))}
    assert hidden == {"keys/ledger.key", "artifacts/.pending-x/model"}
    assert all("checkpoints" in path for path in gone if path.startswith("runs"))
    assert {path for path in after if after[path] != before.get(path)} <= {"engram.db"}
    db = open_home(tmp_path / "back")
    with db.read() as tx:
        assert [one.name for one in deployments.list_deployments(tx, Ask()).items] == ["live"]
    db.close()
    key = load_vkey(home / "keys" / "ledger.pub")
    assert all(check.ok for check in verify_ledger(tmp_path / "back" / "ledger", key))
    with pytest.raises(VerificationFailed, match=r"signing key .* is lost"):
        load_or_create_signer(tmp_path / "back" / "keys")


def test_keys_go_along_only_when_they_are_asked_for_and_stay_their_owners(home, tmp_path):
    old = os.umask(0)
    try:
        made = backup(home, tmp_path / "saved", keys=True)
    finally:
        os.umask(old)
    assert made.secret
    restore(tmp_path / "saved", tmp_path / "back")
    for folder in (tmp_path / "saved", tmp_path / "back"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "keys" / "ledger.key").stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "engram.db").stat().st_mode) == 0o600
    ledger = Ledger.open(tmp_path / "back" / "ledger", load_or_create_signer(tmp_path / "back" / "keys"))
    assert ledger.append("home.created", "again", {}).index == 3


def test_a_backup_is_taken_while_others_write_and_holds_what_was_committed(home, tmp_path):
    db = open_home(home)
    with db.write() as tx:
        users.create_user(tx, name="committed", role="Viewer")
    with db.write() as tx:
        users.create_user(tx, name="open", role="Viewer")
        backup(home, tmp_path / "saved")
    db.close()
    saved = sqlite3.connect(tmp_path / "saved" / "engram.db")
    assert {row[0] for row in saved.execute("SELECT name FROM users")} == {"ann", "committed"}
    saved.close()


def test_a_ledger_that_grows_during_the_copy_is_copied_again(home, tmp_path, monkeypatch):
    ledger = Ledger.open(home / "ledger", load_or_create_signer(home / "keys"))
    real, left = copying.copy_file, [2]

    def slow(source, target, path):
        if source.name == "entries.jsonl" and left[0]:
            left[0] -= 1
            ledger.append("home.created", "meanwhile", {})
        return real(source, target, path)

    monkeypatch.setattr(copying, "copy_file", slow)
    copied = copy_ledger(home / "ledger", tmp_path / "copy", ledger.key, "ledger")
    assert len(copied) == 4
    assert Ledger.read(tmp_path / "copy", ledger.key).size == 5
    left[0] = 99
    with pytest.raises(PlatformError, match="grew during each of 5 copies"):
        copy_ledger(home / "ledger", tmp_path / "copy", ledger.key, "ledger")


def test_a_damaged_home_is_not_backed_up_as_if_it_were_whole(home, tmp_path):
    entries = home / "ledger" / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b"home-1", b"home-9"))
    with pytest.raises(VerificationFailed, match="not as it was signed"):
        backup(home, tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    (home / "engram.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises((VerificationFailed, PlatformError), match=r"engram\.db"):
        backup(home, tmp_path / "saved")


def test_a_backup_goes_nowhere_else(home, tmp_path):
    (tmp_path / "there").mkdir()
    for target, said in ((tmp_path / "there", "exists already"), (home / "inside", "in the home itself")):
        with pytest.raises(UsageError, match=said):
            backup(home, target)
    with pytest.raises(NotFound, match="no home"):
        backup(tmp_path / "none", tmp_path / "saved")
    with pytest.raises(UsageError, match="pg_dump"):
        backup(home, tmp_path / "saved", url="postgresql://x/y")
    (home / "runs" / "link").symlink_to("/etc/hostname")
    with pytest.raises(Refused, match="not a plain file"):
        backup(home, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_home_that_is_not_empty_is_left_alone(home, tmp_path):
    backup(home, tmp_path / "saved")
    before = contents(home)
    with pytest.raises(UsageError, match="not empty"):
        restore(tmp_path / "saved", home)
    assert contents(home) == before
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "saved", tmp_path / "empty")
    with pytest.raises(NotFound, match="is no backup"):
        restore(home, tmp_path / "other")


def spoil_manifest(saved, **changes):
    said = json.loads((saved / MANIFEST).read_text())
    said["files"][0] |= changes
    (saved / MANIFEST).write_text(json.dumps(said))


DAMAGES = {
    "a byte": lambda saved: (saved / "datasets" / "data" / "rows.jsonl").write_text("x" * 9 + "y"),
    "a file is lost": lambda saved: (saved / "datasets" / "data" / "rows.jsonl").unlink(),
    "a file is longer": lambda saved: (saved / "VERSION").open("a").write("1"),
    "the manifest is cut": lambda saved: (saved / MANIFEST).write_text("{"),
    "a path leads out": lambda saved: spoil_manifest(saved, path="../out"),
    "a path is absolute": lambda saved: spoil_manifest(saved, path="/etc/out"),
    "a digest": lambda saved: spoil_manifest(saved, digest="sha256:0"),
    "a file twice": lambda saved: spoil_manifest(saved, path="engram.db"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_that_was_damaged_makes_no_home(home, tmp_path, damage):
    backup(home, tmp_path / "saved")
    DAMAGES[damage](tmp_path / "saved")
    with pytest.raises(VerificationFailed):
        restore(tmp_path / "saved", tmp_path / "back")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "saved"}


def test_a_link_in_a_backup_is_refused(home, tmp_path):
    backup(home, tmp_path / "saved")
    data = tmp_path / "saved" / "datasets" / "data"
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VerificationFailed, match="by a link"):
        restore(tmp_path / "saved", tmp_path / "back")


def test_a_backup_of_another_signer_is_refused_when_the_key_is_known(home, tmp_path):
    backup(home, tmp_path / "saved")
    other = load_or_create_signer(tmp_path / "other").key
    with pytest.raises(VerificationFailed, match="not as it was signed"):
        restore(tmp_path / "saved", tmp_path / "back", key=other)
    restore(tmp_path / "saved", tmp_path / "back", key=load_vkey(home / "keys" / "ledger.pub"))


BAD_VERSIONS = [("engram.home/2", HomeNewer), ("x/1", VerificationFailed), ("", VerificationFailed)]


@pytest.mark.parametrize(("said", "error"), BAD_VERSIONS)
def test_a_home_of_another_format_is_refused_everywhere(home, tmp_path, said, error):
    (home / VERSION_FILE).write_text(said)
    for ask in (
        lambda: check_home(home),
        lambda: open_home(home),
        lambda: backup(home, tmp_path / "saved"),
        lambda: upgrade(home, tmp_path / "saved"),
    ):
        with pytest.raises(error):
            ask()
    assert not (tmp_path / "saved").exists()


def test_a_new_home_is_made_and_an_older_one_wants_an_upgrade(tmp_path):
    assert check_home(tmp_path) == 0
    with pytest.raises(UserError, match="engram upgrade"):
        open_home(tmp_path, make=False)
    open_home(tmp_path).close()
    assert check_home(tmp_path) == 1
    open_home(tmp_path, make=False).close()


def add_version(monkeypatch, tmp_path, body):
    """Let this release know a version 0002 with the given line as its upgrade."""
    from engram.store import migrate as room

    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in (room.FOLDER / "versions").glob("v*.py"):
        (folder / "versions" / path.name).write_text(path.read_text())
    write(
        folder / "versions" / "v0002_next.py",
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = '0002'\ndown_revision = '0001'\n\n\n"
        f"def upgrade():\n    op.add_column('users', sa.Column('colour', sa.Text()))\n    {body}\n",
    )
    monkeypatch.setattr(room, "FOLDER", folder)


def columns_of(home: Path) -> list[str]:
    connection = sqlite3.connect(home / "engram.db")
    found = [row[1] for row in connection.execute("PRAGMA table_info(users)")]
    connection.close()
    return found


def test_an_upgrade_backs_up_migrates_and_has_nothing_to_do_afterwards(home, tmp_path, monkeypatch):
    add_version(monkeypatch, tmp_path, "pass")
    with pytest.raises(UserError, match="engram upgrade"):
        open_home(home)
    done = upgrade(home, tmp_path / "saved")
    assert (done.before, done.after, done.applied, done.backup) == ("0001", "0002", ("0002",), tmp_path / "saved")
    assert "colour" in columns_of(home)
    assert "colour" not in columns_of(tmp_path / "saved")
    assert read_manifest(tmp_path / "saved").files
    again = upgrade(home, tmp_path / "saved2")
    assert (again.applied, again.backup) == ((), None)
    assert not (tmp_path / "saved2").exists()
    assert stat.S_IMODE((home / "engram.db").stat().st_mode) == 0o600


def test_an_upgrade_that_fails_leaves_the_home_as_it_was(home, tmp_path, monkeypatch):
    before = contents(home)
    add_version(monkeypatch, tmp_path, "raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        upgrade(home, tmp_path / "saved")
    assert contents(home) == before
    assert (tmp_path / "saved" / MANIFEST).exists()


def test_an_upgrade_of_a_home_in_use_is_refused(home, tmp_path, monkeypatch):
    add_version(monkeypatch, tmp_path, "pass")
    real = copying.check_database

    def leave_journal(path):
        real(path)
        write(home / "engram.db-wal")

    monkeypatch.setattr("engram.store.upgrade.check_database", leave_journal)
    with pytest.raises(PlatformError, match="is in use"):
        upgrade(home, tmp_path / "saved")
    (home / "engram.db-wal").unlink()
    assert "colour" not in columns_of(home)


def test_postgresql_is_upgraded_in_its_place_only_when_it_was_saved(empty, tmp_path):
    if empty.is_sqlite:
        pytest.skip("SQLite is backed up by the upgrade itself")
    url = empty.engine.url.render_as_string(hide_password=False)
    with pytest.raises(UsageError, match="--database-is-saved"):
        upgrade(tmp_path, tmp_path / "saved", url=url)
    assert not is_current(empty)
    assert upgrade(tmp_path, tmp_path / "saved", url=url, saved=True).applied == ("0001",)
    assert is_current(empty)
    assert check_home(tmp_path) == 1


def test_one_version_that_fails_leaves_those_before_it(tmp_path, monkeypatch):
    add_version(monkeypatch, tmp_path, "raise ZeroDivisionError")
    db = open_database(tmp_path / "home")
    with pytest.raises(ZeroDivisionError):
        migrate(db)
    with db.read() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0001"
    assert "colour" not in columns_of(tmp_path / "home")
    db.close()
