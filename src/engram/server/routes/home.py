"""The house itself: how it stands, and its keys."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from engram import __version__
from engram.artifacts.home_keys import HomeKeys
from engram.ledger.rotation import rotate_ledger_key
from engram.pipeline.run import open_ledger
from engram.security.at_rest import rotate_home_kek
from engram.security.signing_keys import rotate_signing_keys
from engram.security.tokens import ACCESS_SECONDS
from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.shapes.house import HomeStatus, Room
from engram.server.uploads import HOME_QUOTA, USER_QUOTA, quota
from engram.store.records.datasets import stored_bytes
from engram.store.records.uploads import open_bytes

router = Router(prefix="/api/v1/home", tags=["home"])


class Rotation(BaseModel):
    """Which keys to replace: those that sign access tokens, the one that wraps the keys of sealed artifacts, or the
    ledger's."""

    model_config = ConfigDict(extra="forbid")

    what: Literal["tokens", "kek", "ledger"]


@router.get("", operation_id="home.status")
def status(who: Who, here: Here) -> HomeStatus:
    """Say which version works here, what datasets and uploads take, and whether what is kept is sealed."""
    disk, user = shutil.disk_usage(here.home), who.principal.user
    with here.db.read() as tx:
        own = stored_bytes(tx, user) + open_bytes(tx, user)[1]
        everybody = stored_bytes(tx) + open_bytes(tx)[1]
        most = [quota(tx, name) for name in (USER_QUOTA, HOME_QUOTA)]
    return HomeStatus(
        version=__version__,
        sealed=HomeKeys(here.home).sealing,
        disk=Room(used=disk.total - disk.free, most=disk.total),
        own=Room(used=own, most=most[0]),
        everybody=Room(used=everybody, most=most[1]),
    )


@router.post("/keys/rotate", operation_id="home.rotate_keys")
def rotate(asked: Rotation, who: Who, here: Here) -> dict[str, Any]:
    """Work with a new key from now on; what the old one signed or wrapped stays good."""
    with here.writing:
        if asked.what == "tokens":
            keys = rotate_signing_keys(here.home / "keys", here.clock, token_seconds=ACCESS_SECONDS)
            here.entrance = replace(here.entrance, tokens=replace(here.entrance.tokens, keys=keys))
            said: dict[str, Any] = {"what": "tokens", "key": keys.kid}
        elif asked.what == "ledger":
            signer = rotate_ledger_key(here.home / "keys", here.ledger)
            here.ledger = open_ledger(here.home)
            said = {"what": "ledger", "key": signer.key.id}
        else:
            kid, count = rotate_home_kek(here.home)
            said = {"what": "kek", "key": kid, "rewrapped": count}
    who.said.update(said)
    return said
