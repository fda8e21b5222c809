"""`engram backup`, `restore` and `upgrade`: the home is copied, put back, and brought to this release."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from engram.cli import output
from engram.cli.verify import choose_key
from engram.files import home_lock
from engram.lazy import need
from engram.settings import load_settings

EXTRA = "server"
Target = Annotated[Path, typer.Argument(help="A folder that does not exist yet.")]


def backup(
    target: Target,
    keys: Annotated[
        bool, typer.Option("--keys", help="Also the private keys: whoever holds the folder can sign as this home.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Copy this home into a new folder, each file with its digest; others may go on working meanwhile."""
    need("sqlalchemy", extra=EXTRA, why="to back a home up")
    from engram.store.backup import backup as run

    settings = load_settings()
    made = run(settings.home, target, keys=keys, url=settings.database_url)
    size = sum(entry.bytes for entry in made.files)
    value = {"format": made.format, "path": str(target), "files": len(made.files), "bytes": size, "secret": made.secret}
    held = "with the private keys: guard it" if keys else "without private keys: keep a copy of those elsewhere"
    output.emit(value, f"{len(made.files)} files, {size:,} bytes in {target}", held)


def restore(
    source: Annotated[Path, typer.Argument(help="The folder that `engram backup` made.")],
    key: Annotated[
        str, typer.Option("--key", help="The ledger's public key that you kept elsewhere: its file, or its one line.")
    ] = "",
    json: output.Json = False,
) -> None:
    """Make this home, which must be empty, from a backup, after checking all of it."""
    need("sqlalchemy", extra=EXTRA, why="to restore a home")
    from engram.ledger.keys import PRIVATE_FILE
    from engram.store.backup import KEYS
    from engram.store.backup import restore as run

    home = load_settings().home
    made = run(source, home, key=choose_key(key)[0] if key else None)
    signs = (home / KEYS / PRIVATE_FILE).exists()
    value = {"format": made.format, "home": str(home), "files": len(made.files), "made": made.made, "can_sign": signs}
    told = "" if signs else f"It has no private key: copy {PRIVATE_FILE} into {home / KEYS} before anything is signed."
    output.emit(value, f"{len(made.files)} files of {made.made} are in {home}", *([told] if told else []))


def upgrade(
    backup_to: Annotated[
        Path | None, typer.Option("--backup", help="Where the backup goes; default: beside the home, with the time.")
    ] = None,
    saved: Annotated[
        bool, typer.Option("--database-is-saved", help="You saved the PostgreSQL database with its own tools.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Bring this home to this release: back it up, migrate, verify; what fails leaves it as it was."""
    need("sqlalchemy", extra=EXTRA, why="to upgrade a home")
    from engram.store.upgrade import upgrade as run

    settings = load_settings()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = backup_to or settings.home.with_name(f"{settings.home.name}-backup-{stamp}")
    with home_lock(settings.home, "upgrade"):
        done = run(settings.home, target, url=settings.database_url, saved=saved)
    value = {**asdict(done), "backup": None if done.backup is None else str(done.backup)}
    if not done.applied:
        output.emit(value, f"Nothing to do: the tables are at version {done.after or 'none'}.")
        return
    kept = [f"The old home is in {done.backup}."] if done.backup else []
    output.emit(value, f"The tables went from version {done.before or 'none'} to {done.after}.", *kept)
