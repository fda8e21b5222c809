"""The key by which the command line of a home speaks to the home's own server: who can read the home owns it anyway."""

from __future__ import annotations

import hmac
from pathlib import Path

from engram.files import write_private
from engram.security.api_keys import digest_of, make_api_key
from engram.security.principal import ADMIN
from engram.server.platform import Platform
from engram.store.pages import MOST, Ask
from engram.store.records import api_keys, users

NAME = "engram command line"


def keep_cli_key(here: Platform) -> None:
    """Leave the key of the command line in the home, mode 0600; it is the first Admin's and listed among her keys.

    One that was revoked is not made again while its file is there: whoever removes the file asks for a new one.
    """
    path = place_of(here.home)
    if path.exists() and _counts(here, path):
        return
    admin = _first_admin(here)
    if admin is None:
        return
    with here.db.read() as tx:
        old = [one.prefix for one in api_keys.list_keys(tx, Ask(None, limit=MOST)).items if one.name == NAME]
    for prefix in old:
        here.keys.revoke(prefix, int(here.clock()))
    made = make_api_key(here.keys, admin, NAME, ["*"], here.clock)
    write_private(path, f"{made.text}\n".encode())


def place_of(home: Path) -> Path:
    """Return where the key lies."""
    return home / "keys" / "cli.key"


def _counts(here: Platform, path: Path) -> bool:
    """Tell whether a file's key is this home's: one that works, or one that an Admin revoked and wants revoked."""
    text = path.read_text(encoding="ascii", errors="replace").strip()
    found = here.keys.find("_".join(text.split("_")[:2])[:40])
    if found is None or not hmac.compare_digest(found.digest, digest_of(text)):
        return False
    owner = here.entrance.users.get(found.user)
    return found.revoked_at is not None or (owner is not None and not owner.disabled and owner.role == ADMIN)


def _first_admin(here: Platform) -> str | None:
    found, after = None, None
    with here.db.read() as tx:
        while True:
            page = users.list_users(tx, Ask(None, after, MOST, equal={"role": ADMIN}))
            found = next((one.id for one in reversed(page.items) if one.disabled is None), found)
            after = page.next
            if after is None:
                return found
