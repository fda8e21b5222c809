"""`engram keys rotate`: the keys of a home, while no server runs in it."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from engram.cli import output


def rotate(
    tokens: Annotated[bool, typer.Option("--tokens", help="The key that signs access tokens.")] = False,
    kek: Annotated[bool, typer.Option("--kek", help="The key that wraps the data keys of sealed artifacts.")] = False,
    ledger: Annotated[bool, typer.Option("--ledger", help="The key that signs ledger and certificates.")] = False,
    json: output.Json = False,
) -> None:
    """Work with new keys from now on; what the old ones signed or wrapped stays good.

    A running server rotates its own: POST /api/v1/home/keys/rotate.
    """
    from engram.errors import UsageError
    from engram.files import home_lock
    from engram.lazy import need
    from engram.settings import load_settings

    if not (tokens or kek or ledger):
        raise UsageError("Say which keys: --tokens, --kek, --ledger, or several.")
    home, said, lines = load_settings().home, {}, []
    with home_lock(home, "the rotation of keys"):
        if tokens:
            need("joserfc", extra="server", why="to rotate the keys of access tokens")
            from engram.security.signing_keys import rotate_signing_keys
            from engram.security.tokens import ACCESS_SECONDS

            said["tokens"] = rotate_signing_keys(home / "keys", time.time, token_seconds=ACCESS_SECONDS).kid
            lines.append(
                "Access tokens are signed with a new key; old ones count until they expire, 15 minutes at most."
            )
        if kek:
            from engram.security.at_rest import rotate_home_kek

            said["kek"], count = rotate_home_kek(home)
            lines.append(f"{count} data keys are wrapped with the new key {said['kek']}; no sealed file was touched.")
        if ledger:
            from engram.ledger.rotation import rotate_ledger_key
            from engram.pipeline.run import open_ledger

            said["ledger"] = rotate_ledger_key(home / "keys", open_ledger(home)).key.id
            lines += [
                f"The ledger is signed by {said['ledger']} from now on; the old key has signed it in.",
                f"Whoever verifies needs {home / 'keys' / 'ledger.pub'} and ledger.rotations beside it.",
            ]
    output.emit(said, *lines)
