"""The queue: where a run begins its life on a server, whoever asks for it."""

from __future__ import annotations

from sqlalchemy import Connection

from engram.config.load import Loaded
from engram.pipeline.begin import begin
from engram.schema.codec import to_dict
from engram.server.platform import Platform
from engram.store.records import runs
from engram.store.records.runs import Run


def queue(
    tx: Connection,
    here: Platform,
    owner: str,
    loaded: Loaded,
    priority: int = 0,
    template: str | None = None,
    *,
    elsewhere: bool = False,
) -> Run:
    """Make a run of a recipe, its folder first, and let it wait for a slot.

    template: what it was begun from. elsewhere: True when a trainer on another machine will do its worker half.

    Raises what `pipeline.begin` raises: UsageError, MissingExtra.
    """
    folder, recipe = begin(loaded, here.home, elsewhere=elsewhere), loaded.recipe
    return runs.create_run(
        tx,
        id=folder.id,
        recipe=recipe.name,
        owner=owner,
        kind=recipe.kind,
        task=recipe.task,
        body=to_dict(recipe),
        recipe_digest=loaded.digest,
        priority=priority,
        template=template,
    )
