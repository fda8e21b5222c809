"""`engram train` where a server owns the home: the recipe is sent, the run is queued, and its events are followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engram.cli import output
from engram.cli.live import Live
from engram.cli.served import follow
from engram.config.load import Loaded, load_recipe
from engram.config.shipped import is_shipped, shipped_names
from engram.errors import UsageError

# A shipped recipe that sees something of this shell is saved under a name of its own.
OWN = "_local"


def train_served(
    client: Any,
    home: Path,
    recipe: str,
    sets: Sequence[str],
    profile: str | None,
    *,
    local_test: bool = False,
    resume: str | None = None,
) -> Any:
    """Queue a run on the home's server, or let one go on, and show it until it rests; returns its folder.

    Raises what ended it, unless it is published.
    """
    from engram.pipeline.folder import RunFolder, find_run

    after = 0
    if resume:
        run = find_run(home, resume).id
        after = max((event["cursor"] for event in client.runs.events(run, follow=False)), default=0)
        client.runs.resume(run)
    else:
        loaded = load_recipe(recipe, sets=sets, profile=profile, local_test=local_test)
        for note in loaded.notes:
            output.say(note, "dim")
        run = _queue(client, loaded, sets, profile, local_test)["id"]
    folder = RunFolder(home / "runs" / run)
    shown = folder.recipe()
    output.say(f"Run {run}: {shown.title or shown.name} ({shown.kind}, {shown.task}), on the home's server", "bold")
    with Live(folder, shown) as live:
        follow(client, run, live, after)
    return folder


def refuse_unknown(baseline_only: bool, workers: int) -> None:
    """Refuse what a server does not do; raises UsageError."""
    for given, name in ((baseline_only, "--baseline-only"), (workers > 1, "--workers")):
        if given:
            raise UsageError(
                f"A server owns this home, and its runs know no {name}.",
                remedy="Leave it out, or end the server with: engram down",
            )


def _queue(client: Any, loaded: Loaded, sets: Sequence[str], profile: str | None, local_test: bool) -> Any:
    """Queue a run: by name where the server has the very same recipe, else by its text, as it reads here."""
    one = loaded.recipe
    if is_shipped(loaded.file) and not _is_of_this_shell(loaded):
        more = []
        if local_test:
            more = [f"data.limit={one.data.limit}", f"train.max_steps={one.train.max_steps}"]
            profile = profile or ("offline" if "offline" in loaded.profiles else None)
        return client.runs.create(loaded.file.stem, set=[*sets, *more], profile=profile)
    return client.runs.create(client.recipes.save(written_out(loaded))["name"])


def _is_of_this_shell(loaded: Loaded) -> bool:
    said = [origin for origin in loaded.origins.values() if origin.startswith("ENGRAM_")]
    return bool(said) or any(source.path for source in loaded.recipe.data.sources)


def written_out(loaded: Loaded) -> str:
    """Return a recipe's text as it reads here: changes and variables in their places, paths from the root."""
    import copy

    import yaml

    raw = copy.deepcopy(loaded.raw)
    if raw.get("name") in shipped_names():
        raw["name"] += OWN
    for source in raw["data"].get("sources", ()):  # what learns in an environment has none
        if source.get("path"):
            source["path"] = str(loaded.folder / Path(source["path"]).expanduser())
    model = loaded.folder / Path(raw["model"]["source"]).expanduser()
    if model.is_dir():
        raw["model"]["source"] = str(model)
    return yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
