"""`engram runs`: list, show, watch, compare, pause, resume, cancel and review runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from engram.cli import output
from engram.cli.figures import figure, known_directions, marked

app = typer.Typer(help="List, watch, compare, pause, cancel and review runs.", rich_markup_mode=None)
Run = Annotated[str, typer.Argument(help="A run's id, or the beginning of it, or 'last'.")]


@app.command("list")
def list_runs(limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20) -> None:
    """List the runs of this home, newest first."""
    from itertools import islice

    from engram.cli.served import client_of, record_of
    from engram.pipeline.folder import list_records

    server = client_of(_home())
    records = (
        list_records(_home())[:limit] if server is None else list(map(record_of, islice(server.runs.list(), limit)))
    )
    rows = [
        (one.id, one.recipe, shown_state(one, _home()), one.stage, _headline(one), one.created[:16].replace("T", " "))
        for one in records
    ]
    if not records:
        output.say("No runs yet. Start one with: engram train quickstart")
    else:
        output.table(("run", "recipe", "state", "stage", "result", "created (UTC)"), rows)
    _json([_plain(one, _home()) for one in records])


@app.command()
def show(run: Run = "last") -> None:
    """Show one run's record."""
    record = _plain(_record(run), _home())
    output.pairs({name: value for name, value in record.items() if name not in ("metrics", "format") and value})
    output.pairs({f"  {name}": figure(value) for name, value in record["metrics"].items()})
    _json(record)


@app.command()
def watch(run: Run = "last") -> None:
    """Follow a run until it stops; Ctrl-C stops watching, not the run."""
    import time

    from engram.cli.live import Live
    from engram.cli.served import client_of, follow, record_of
    from engram.pipeline.folder import find_run
    from engram.pipeline.journal import Follower

    folder = find_run(_home(), run)
    if (server := client_of(_home())) is not None:
        from engram.errors import EngramError

        with Live(folder, folder.recipe()) as live:
            try:
                follow(server, folder.id, live)
            except EngramError:
                pass  # how the run ended is shown below; the watching went well
        record = record_of(server.runs.get(folder.id))
        output.emit(_plain(record, _home()), f"{record.id} is {record.state} {record.reason}".rstrip())
        return
    followers: dict[Path, Any] = {}
    with Live(folder, folder.recipe()) as live:
        while True:
            record = folder.record()
            live.state(record)
            for attempt in folder.attempts():
                follower = followers.setdefault(attempt, Follower(attempt / "journal.jsonl"))
                for event in follower.read():
                    live.event(event)
            if shown_state(record, _home()) != "running":
                break
            time.sleep(0.2)
    output.emit(_plain(record, _home()), f"{record.id} is {shown_state(record, _home())} {record.reason}".rstrip())


@app.command()
def compare(first: Run, second: Run) -> None:
    """Put two runs side by side: what differs in their recipes, and their results."""
    from engram.config.tree import leaves
    from engram.pipeline.folder import find_run
    from engram.schema.codec import to_dict

    folders = [find_run(_home(), name) for name in (first, second)]
    values = [{".".join(map(str, path)): value for path, value in leaves(to_dict(one.recipe()))} for one in folders]
    names = sorted({*values[0], *values[1]})
    differs = {n: (values[0].get(n), values[1].get(n)) for n in names if values[0].get(n) != values[1].get(n)}
    metrics = [dict(one.record().metrics) for one in folders]
    results = {n: (metrics[0].get(n), metrics[1].get(n)) for n in sorted({*metrics[0], *metrics[1]})}
    better = known_directions(folders[1].recipe()) | known_directions(folders[0].recipe())
    titles = ("", *(one.id for one in folders))
    output.table(titles, [(name, *pair) for name, pair in differs.items()], title="What differs in the recipes")
    lines = [(marked(n, better), *map(figure, pair)) for n, pair in results.items()]
    output.table(titles, lines, title="Results, ↓ where lower is better")
    _json({"recipes": differs, "metrics": results})


@app.command()
def pause(run: Run = "last") -> None:
    """Ask a run to stop after its present step, with a checkpoint; `resume` goes on exactly there."""
    _send(run, "pause")


@app.command()
def cancel(run: Run = "last") -> None:
    """Ask a run to stop after its present step; its checkpoint is kept."""
    _send(run, "cancel")


@app.command()
def resume(run: Run = "last") -> int:
    """Go on with a run that was paused, cancelled or lost."""
    from engram.cli.train import train

    return train(recipe="", resume=run)


@app.command()
def review(
    run: Run,
    decision: Annotated[str, typer.Argument(help="approve or reject")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept beside the run, its digest in the ledger.")],
) -> int:
    """Decide on a verdict that waits for a person; an approved run goes on at once."""
    from engram.cli.served import client_of
    from engram.errors import UsageError
    from engram.pipeline.folder import find_run
    from engram.pipeline.review import decide

    if decision not in ("approve", "reject"):
        raise UsageError(f"A review must approve or reject, not {decision!r}.")
    answer: Literal["approve", "reject"] = "approve" if decision == "approve" else "reject"
    folder = find_run(_home(), run)
    if (server := client_of(_home())) is not None:
        return _review_served(server, folder, answer, reason)
    stage = decide(folder, _home(), answer, reason=reason)
    output.say(f"{folder.id}: {decision}d the verdict of stage {stage}.")
    if answer == "reject":
        _json(_plain(folder.record(), _home()))
        return 0
    return resume(folder.id)


def shown_state(record: Any, home: Path) -> str:
    """Return a run's state as it is: one that says `running` in a home that nobody holds has lost contact."""
    from engram.cli.up import server_of
    from engram.files import is_locked

    lost = record.state == "running" and not is_locked(home) and not server_of(home)
    return "lost_contact" if lost else str(record.state)


def _send(run: str, command: Literal["pause", "cancel"]) -> None:
    from engram.cli.served import client_of
    from engram.errors import UsageError
    from engram.pipeline import control
    from engram.pipeline.folder import find_run

    folder = find_run(_home(), run)
    if (server := client_of(_home())) is not None:
        found = server.runs.pause(folder.id) if command == "pause" else server.runs.cancel(folder.id)
        said = {"run": folder.id, "command": command, "state": found["state"]}
        output.emit(said, f"Asked the server to {command} {folder.id}; it is {found['state']}.")
        return
    state = shown_state(folder.record(), _home())
    if state != "running":
        raise UsageError(f"Run {folder.id} is {state}; only a running one can be asked to {command}.")
    control.send(folder.control, command)
    output.emit({"run": folder.id, "command": command}, f"Asked {folder.id} to {command} after its present step.")


def _review_served(server: Any, folder: Any, answer: Literal["approve", "reject"], reason: str) -> int:
    from engram.cli.live import Live
    from engram.cli.served import follow, record_of

    after = max((event["cursor"] for event in server.runs.events(folder.id, follow=False)), default=0)
    server.runs.review(folder.id, answer, reason)
    output.say(f"{folder.id}: {answer}d the verdict that waited.")
    if answer == "approve":
        with Live(folder, folder.recipe()) as live:
            follow(server, folder.id, live, after)
    _json(_plain(record_of(server.runs.get(folder.id)), _home()))
    return 0


def _record(run: str) -> Any:
    """Return a run's record: of the server where one owns the home, else of its folder."""
    from engram.cli.served import client_of, record_of
    from engram.pipeline.folder import find_run

    folder, server = find_run(_home(), run), client_of(_home())
    return folder.record() if server is None else record_of(server.runs.get(folder.id))


def _home() -> Path:
    from engram.settings import load_settings

    return load_settings().home


def _plain(record: Any, home: Path) -> dict[str, Any]:
    from engram.schema.codec import to_dict
    from engram.schema.state import flag

    state = shown_state(record, home)
    return {**to_dict(record), "state": state, "flag": flag(state)}


def _headline(record: Any) -> str:
    """Return the result in few words: the task's primary measure, and how far it lies from its baseline."""
    better = _primary(record)
    first = next((name for name in (*better, *record.metrics) if f"{name}_difference" in record.metrics), "")
    if not first or first not in record.metrics:
        return str(record.reason)[:60]
    gain = figure(record.metrics[f"{first}_difference"], signed=True)
    return f"{marked(first, better)} {figure(record.metrics[first])} ({gain})"


def _primary(record: Any) -> dict[str, str]:
    """Return the primary measure of a run's task and which way it is better; nothing for a kind not known here."""
    from engram import registry

    if record.kind not in registry.names("kind"):
        return {}
    card = registry.get("kind", record.kind)
    return {card.primary(record.task).name: card.primary(record.task).better} if record.task in card.tasks else {}


def _json(value: Any) -> None:
    if output.json_wanted():
        output.emit_json(value)
