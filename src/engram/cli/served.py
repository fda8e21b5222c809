"""The command line as a client: where a server owns the home, commands ask it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engram.cli import output

# In which words a run that rests ends a command; the exit codes are those of a run without a server.
RESTS = {
    "refused": "Refused",
    "awaiting_review": "NeedsReview",
    "cancelled": "Cancelled",
    "paused": "Paused",
    "failed_user": "UserError",
    "failed_platform": "PlatformError",
}


def client_of(home: Path) -> Any:
    """Return a client of the server that owns a home; None when there is none.

    The key is ENGRAM_API_KEY's, else the one that the server made for whoever can read the home.
    """
    from engram.cli.up import server_of

    running = server_of(home)
    if not running:
        return None
    from engram.client.clients import KEY, Client, home_key

    return Client(str(running["url"]), os.environ.get(KEY) or home_key(home) or None)


def need_client(home: Path, what: str) -> Any:
    """Return a client of the home's server.

    Raises UserError when there is none: what is asked needs one.
    """
    from engram.errors import UserError

    client = client_of(home)
    if client is None:
        raise UserError(f"{what} needs a server, and none runs in {home}.", remedy="Start one with: engram up")
    return client


def follow(client: Any, run: str, live: Any, after: int = 0) -> Any:
    """Show what a run says until it rests, and return it; Ctrl-C ends the watching, not the run.

    Raises what ended it, unless it is published.
    """
    from engram.client.asking import told
    from engram.schema.codec import from_dict
    from engram.schema.event import Event

    error: dict[str, Any] = {}
    try:
        for said in client.runs.events(run, after=after):
            event = from_dict(Event, {name: value for name, value in said.items() if name != "cursor"})
            live.event(event)
            if event.type == "error":
                error = {"error": event.body.get("type"), "detail": event.body.get("message")}
                error["remedy"] = event.body.get("remedy", "")
    except KeyboardInterrupt:
        output.say(f"Run {run} goes on. See: engram runs watch {run}")
        raise
    found = client.runs.get(run)
    if found["state"] == "published":
        return found
    if found["state"].startswith("failed") and error:
        raise told(error)
    raise told({"error": RESTS[found["state"]], "detail": found["reason"] or f"Run {run} is {found['state']}."})


def record_of(run: Mapping[str, Any]) -> Any:
    """Return a run of the API as the record that the commands show."""
    from dataclasses import fields

    from engram.schema.run import RunRecord

    names = {one.name for one in fields(RunRecord)} - {"format"}
    return RunRecord(**{name: value for name, value in run.items() if name in names})
