"""`engram gc`: make room by removing what nothing refers to."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import Annotated

import typer

from engram.cli import output
from engram.cli.verify import printable
from engram.files import home_lock
from engram.lazy import need
from engram.settings import load_settings


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: output.Json = False,
) -> None:
    """Remove what nothing refers to; certified, deployed and pinned things and the latest and best checkpoints stay."""
    need("sqlalchemy", extra="server", why="to see what the database refers to")
    from engram.store.gc import forget_expired, plan, sweep
    from engram.store.home import open_home
    from engram.store.sqlite import DATABASE_FILE

    settings = load_settings()
    home = settings.home
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(home_lock(home, "gc"))
        db = None
        if settings.database_url or (home / DATABASE_FILE).exists():
            db = open_home(home, settings.database_url, make=False)
            stack.callback(db.close)
        items = plan(db, home)
        rows = 0
        if not dry_run:
            items = sweep(db, home, items)
            rows = forget_expired(db) if db else 0
    size = sum(item.bytes for item in items)
    output.table(("what", "bytes", "path", "why"), [(i.sort, f"{i.bytes:,}", printable(i.path), i.why) for i in items])
    value = {"dry_run": dry_run, "items": [asdict(item) for item in items], "bytes": size, "rows": rows}
    output.emit(value, f"{len(items)} things, {size:,} bytes {'would go' if dry_run else 'are gone'}")
