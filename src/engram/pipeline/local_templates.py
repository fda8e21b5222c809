"""Templates of a home that no server has: one file each under ``templates/``, written under the home lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engram import files
from engram.config.load import Loaded, load_recipe
from engram.config.pin import pin_datasets
from engram.data.names import find_named
from engram.errors import Conflict, NotFound, did_you_mean
from engram.ledger.log import Ledger
from engram.pipeline.folder import new_run_id
from engram.pipeline.journal import utc_now
from engram.pipeline.template import Wanted, check_text, draft, sign
from engram.schema.codec import from_dict, to_dict

FORMAT = "engram.template/1"


@dataclass(frozen=True)
class LocalTemplate:
    """A template as its file holds it; `body` as in the database."""

    id: str
    name: str
    kind: str
    task: str
    source: str
    revision: str
    digest: str
    created: str
    body: Mapping[str, Any]
    format: str = FORMAT


def register(home: Path, wanted: Wanted, ledger: Ledger) -> LocalTemplate:
    """Put a template together, certify it and keep it; the caller holds the home lock.

    Raises Conflict for a name that is taken, and what `draft` raises.
    """
    if wanted.name in {one.name for one in list_templates(home)}:
        raise Conflict(f"There is a template {wanted.name!r} already.", remedy="Choose another name.")

    def load(name: str, sets: Any, flags: Mapping[str, Any]) -> Loaded:
        return pin_datasets(load_recipe(name, sets=sets, flags=flags), partial(find_named, home / "datasets"))

    drafted = draft(wanted, load, home / "datasets")
    check_text(drafted, home)
    id = f"t_{new_run_id().removeprefix('r_')}"
    recipe = drafted.recipe
    made = LocalTemplate(
        id=id,
        name=wanted.name,
        kind=recipe.kind,
        task=recipe.task,
        source=str(drafted.parts["source"]),
        revision=str(drafted.parts["revision"]),
        digest=drafted.digest,
        created=utc_now(),
        body=sign(drafted, id, ledger),
    )
    files.write_json(home / "templates" / f"{id}.json", to_dict(made))
    return made


def list_templates(home: Path) -> list[LocalTemplate]:
    """Return the templates of a home, oldest first."""
    return [from_dict(LocalTemplate, files.read_json(path)) for path in sorted((home / "templates").glob("t_*.json"))]


def find_template(home: Path, name: str) -> LocalTemplate:
    """Return a template by its name or id; raises NotFound, with the nearest name."""
    known = {one.name: one for one in list_templates(home)}
    for one in known.values():
        if name in (one.name, one.id):
            return one
    remedy = did_you_mean(name, known) or "`engram template list` shows them."
    raise NotFound(f"There is no template {name[:80]!r}.", remedy=remedy)
