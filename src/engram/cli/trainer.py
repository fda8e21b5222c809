"""`engram trainer`: the process of an attempt. It works on a run and tells a server everything."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from engram.cli import output

PATIENCE_SECONDS = 600.0


def trainer(
    base_url: Annotated[str, typer.Option("--base_url", help="Where the server is.")],
    run: Annotated[str, typer.Option("--run", help="The run to work on.")],
    attempt: Annotated[int, typer.Option(min=1, help="Which attempt this is.")] = 1,
    epoch: Annotated[int, typer.Option(min=1, help="The epoch under which the server leased it.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train together.")] = 1,
    api_key: Annotated[str, typer.Option("--api_key", help="The key; ENGRAM_API_KEY hides it better.")] = "",
) -> int:
    """Work on a run of a server's home: train, judge, export, and tell the server."""
    from engram.client.api import Api
    from engram.client.attempt import Link, Reporter
    from engram.errors import HomeBusy, UsageError
    from engram.files import held
    from engram.pipeline import run as pipeline
    from engram.pipeline.children import settle, write_spec
    from engram.pipeline.folder import find_run
    from engram.schema.run import RunRecord
    from engram.settings import load_settings

    settings, key = load_settings(), api_key or os.environ.get("ENGRAM_API_KEY", "")
    if not key:
        raise UsageError("An attempt needs a key.", remedy="Set ENGRAM_API_KEY, or give --api_key.")
    folder = find_run(settings.home, run)
    with held(folder.attempt(attempt) / "held") as mine, Api(base_url, key, patience=PATIENCE_SECONDS) as api:
        if not mine:  # a core that died between starting a process and noting it, and another one that started it again
            raise HomeBusy(f"Attempt {attempt} of run {run} is at work already.", remedy="Leave it to that process.")
        settle(folder)
        place = write_spec(folder, attempt, settings.home, settings.threads, workers, epoch)
        link = Link(api, folder.id, attempt, epoch)
        reporter = Reporter(link, folder, on_stale=stop_at_once)

        def tell_state(record: RunRecord) -> None:
            said = {"state": record.state, "stage": record.stage, "reason": record.reason}
            if not reporter.stale:
                link.ask("state", said)

        reporter.start()
        try:
            record = pipeline.attempt(folder, place, link, lambda event: None, workers, on_state=tell_state)
        finally:
            kept = not reporter.finish()
    output.emit({"run": folder.id, "state": record.state, "artifact": record.artifact, "spooled": kept})
    return 0


def stop_at_once() -> None:
    """End this process: the run is another attempt's now, and so is every file by which this one could be commanded.

    Its children see that they are orphans and stop between two steps; the other attempt waits for that.
    """
    sys.stderr.write("error: A newer attempt has taken this run over. Nothing of this one is used.\n")
    sys.stderr.flush()
    os._exit(1)
