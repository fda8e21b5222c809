"""`engram seal`: a home's artifacts and datasets unreadable on the disk, from now on."""

from __future__ import annotations

from engram.cli import output


def seal(json: output.Json = False) -> None:
    """Seal this home's artifacts and datasets on the disk (AES-256-GCM), those that are there and all that follow."""
    from engram.artifacts.home_keys import HomeKeys
    from engram.files import home_lock
    from engram.security.at_rest import seal_home
    from engram.settings import load_settings

    home = load_settings().home
    before = HomeKeys(home).sealing
    with home_lock(home, "sealing"):
        count = seal_home(home)
    kept = f"Keep a copy of {home / 'keys' / 'kek.json'} elsewhere: without it nothing sealed can be opened."
    output.emit(
        {"home": str(home), "sealed": count},
        f"{count} artifacts and datasets were sealed.",
        *([] if before else [kept]),
    )
