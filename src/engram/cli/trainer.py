"""`engram trainer`: trains a template's run from any machine; in its other form, the process of a host's attempt."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output

PATIENCE_SECONDS = 600.0


def trainer(
    base_url: Annotated[str, typer.Option("--base_url", help="Where the server is.")],
    model_template_id: Annotated[
        str, typer.Option("--model_template_id", help="A template of the server, or the run of one to go on with.")
    ] = "",
    outdir: Annotated[Path, typer.Option("--outdir", help="Where artifacts_<kind>/<timestamp>/ appears.")] = Path(),
    api_key: Annotated[str, typer.Option("--api_key", help="The key; ENGRAM_API_KEY hides it better.")] = "",
    sets: Annotated[list[str] | None, typer.Option("--set", help="Change a value: train.learning_rate=1e-4.")] = None,
    profile: Annotated[str | None, typer.Option(help="One of the recipe's profiles.")] = None,
    key: Annotated[str, typer.Option("--key", help="The ledger.pub by which the artifact is verified.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes that train together.")] = 1,
    run: Annotated[str, typer.Option("--run", help="Of the server's own attempts: the run to work on.")] = "",
    attempt: Annotated[int, typer.Option(min=1, help="With --run: which attempt this is.")] = 1,
    epoch: Annotated[int, typer.Option(min=1, help="With --run: the epoch of its lease.")] = 1,
) -> int:
    """Train a template of a server here: it judges what comes of it, and the artifact is left in --outdir."""
    from engram.errors import UsageError

    secret = api_key or os.environ.get("ENGRAM_API_KEY", "")
    if not secret:
        raise UsageError("A trainer needs a key.", remedy="Set ENGRAM_API_KEY, or give --api_key.")
    if bool(run) == bool(model_template_id):
        raise UsageError("Name a --model_template_id to train.", remedy="See: engram trainer --help")
    if run:
        return _work_on_host(base_url, secret, run, attempt, epoch, workers)
    return _train(base_url, secret, model_template_id, outdir, key, tuple(sets or ()), profile, workers)


def _train(
    base_url: str,
    secret: str,
    model: str,
    outdir: Path,
    key: str,
    sets: tuple[str, ...],
    profile: str | None,
    workers: int,
) -> int:
    """Train a template's run on this machine."""
    from engram.cli.live import Live
    from engram.cli.trained import conclude
    from engram.client.api import Api
    from engram.client.trainer import Trainer, train_elsewhere
    from engram.settings import load_settings

    def connect(secret: str) -> Api:
        return Api(base_url, secret, patience=PATIENCE_SECONDS)

    with Live() as live:
        who = Trainer(
            base_url.rstrip("/"),
            secret,
            model,
            outdir,
            connect,
            stop_at_once,
            watch=live.event,
            say=lambda text: output.say(text, "bold"),
            sets=sets,
            profile=profile,
            threads=load_settings().threads,
            workers=workers,
        )
        said = train_elsewhere(who)
    with connect(secret) as api:
        return conclude(api, who, said, key)


def _work_on_host(base_url: str, secret: str, run: str, attempt: int, epoch: int, workers: int) -> int:
    """Work on a run of this machine's home, as the core started it: judge, and train unless a trainer does."""
    from engram.client.api import Api
    from engram.client.attempt import Link, Reporter
    from engram.errors import HomeBusy
    from engram.files import held
    from engram.pipeline import run as pipeline
    from engram.pipeline.children import settle, write_spec
    from engram.pipeline.folder import find_run
    from engram.settings import load_settings

    settings = load_settings()
    folder = find_run(settings.home, run)
    with held(folder.attempt(attempt) / "held") as mine, Api(base_url, secret, patience=PATIENCE_SECONDS) as api:
        if not mine:  # a core that died between starting a process and noting it, and another one that started it again
            raise HomeBusy(f"Attempt {attempt} of run {run} is at work already.", remedy="Leave it to that process.")
        settle(folder)
        place = write_spec(folder, attempt, settings.home, settings.threads, workers, epoch)
        link = Link(api, folder.id, attempt, epoch)
        reporter = Reporter(link, folder, on_stale=stop_at_once)

        def tell_state(record: Any) -> None:
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
