"""kill -9 in the middle of a migration, a backup, a restore, an upgrade and a sweep: nothing half done is left."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.databases import empty, sort
from support.stored import contents, fill

from engram.store.backup import MANIFEST, restore
from engram.store.gc import plan, sweep
from engram.store.home import open_home
from engram.store.migrate import is_current, migrate

__all__ = ["empty", "sort"]
MIGRATE = (
    "from engram.store.database import open_database; from engram.store.migrate import migrate; "
    "migrate(open_database(Path(sys.argv[1]), *sys.argv[2:]))"
)
BACKUP = "from engram.store.backup import backup; backup(Path(sys.argv[1]), Path(sys.argv[2]))"
RESTORE = "from engram.store.backup import restore; restore(Path(sys.argv[1]), Path(sys.argv[2]))"
UPGRADE = "from engram.store.upgrade import upgrade; upgrade(Path(sys.argv[1]), Path(sys.argv[2]))"
SWEEP = "from engram.store import gc; home = Path(sys.argv[1]); gc.sweep(None, home, gc.plan(None, home))"


def child(code, *arguments, point):
    """Run code in a process that dies at a named point, and make sure that it died there."""
    command = [sys.executable, "-c", f"import sys; from pathlib import Path; {code}", *map(str, arguments)]
    environment = {**os.environ, "ENGRAM_CRASHPOINT": point}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr


def tables_of(home):
    with closing(sqlite3.connect(home / "engram.db")) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]


def test_a_migration_that_is_killed_is_rolled_back_and_can_be_done_again(empty, tmp_path):
    home = tmp_path / "home"
    url = [] if empty.is_sqlite else [empty.engine.url.render_as_string(hide_password=False)]
    child(MIGRATE, home, *url, point="store.during-migration")
    assert not is_current(empty)
    if empty.is_sqlite:
        assert tables_of(home) == []
    assert migrate(empty) == ["0001"]
    assert is_current(empty)


def test_a_backup_that_is_killed_leaves_no_half_backup(tmp_path):
    home = fill(tmp_path / "home")
    before = contents(home)
    child(BACKUP, home, tmp_path / "saved", point="store.before-manifest")
    assert not (tmp_path / "saved").exists()
    assert contents(home) == before
    (left,) = [path for path in tmp_path.iterdir() if path.name.startswith(".tmp-saved-")]
    assert not (left / MANIFEST).exists()
    child(BACKUP, home, tmp_path / "saved", point="store.after-backup")
    restore(tmp_path / "saved", tmp_path / "back")


def test_a_restore_that_is_killed_leaves_no_half_home(tmp_path):
    child(BACKUP, fill(tmp_path / "home"), tmp_path / "saved", point="store.after-backup")
    child(RESTORE, tmp_path / "saved", tmp_path / "back", point="store.before-restored")
    assert not (tmp_path / "back").exists()
    restore(tmp_path / "saved", tmp_path / "back")
    open_home(tmp_path / "back").close()


def older(home):
    """Take a home back to before its first migration: an upgrade has everything to do."""
    (home / "engram.db").unlink()
    (home / "engram.db").touch(0o600)
    (home / "VERSION").unlink()
    return home


@pytest.mark.parametrize("point", ["store.during-migration", "store.before-swap"])
def test_an_upgrade_that_is_killed_before_the_swap_leaves_the_old_home(tmp_path, point):
    home = older(fill(tmp_path / "home"))
    before = contents(home)
    child(UPGRADE, home, tmp_path / "saved", point=point)
    assert {path: digest for path, digest in contents(home).items() if not path.startswith(".tmp-")} == before
    finish(home, tmp_path)


def test_an_upgrade_that_is_killed_after_the_swap_leaves_the_new_home(tmp_path):
    home = older(fill(tmp_path / "home"))
    child(UPGRADE, home, tmp_path / "saved", point="store.after-swap")
    assert "users" in tables_of(home)
    assert not (home / "VERSION").exists()
    finish(home, tmp_path)


def finish(home, tmp_path):
    """Upgrade again, without a crash, and look at what came of it."""
    from engram.store.upgrade import upgrade

    upgrade(home, tmp_path / "again")
    open_home(home, make=False).close()
    assert (home / "VERSION").exists()
    leftovers = plan(None, home)
    sweep(None, home, [item for item in leftovers if item.sort == "leftover"])
    assert not [path for path in home.iterdir() if path.name.startswith(".tmp-")]


def test_a_sweep_that_is_killed_leaves_whole_folders_or_leftovers(tmp_path):
    home = fill(tmp_path / "home")
    planned = {item.path for item in plan(None, home)}
    before = contents(home)
    child(SWEEP, home, point="store.during-sweep:2")
    after = {path: digest for path, digest in contents(home).items() if "/.tmp-gc-" not in path}
    assert all(before[path] == digest for path, digest in after.items())
    gone = {path for path in planned if not (home / path).exists()}
    assert len(gone) == 2
    again = plan(None, home)
    assert [item.sort for item in again].count("leftover") == 1
    sweep(None, home, again)
    assert plan(None, home) == ()
