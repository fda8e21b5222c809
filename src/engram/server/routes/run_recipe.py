"""The recipe of a run: what it used, and how that came about, so that another run can begin from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import yaml

from engram.config.pin import pin_datasets
from engram.errors import EngramError
from engram.schema.codec import from_dict, to_dict
from engram.schema.recipe import Recipe, Source
from engram.server.access import Here, Who
from engram.server.datasets import named
from engram.server.recipe_check import differences, load_text
from engram.server.route import Router
from engram.server.routes.runs import find
from engram.server.routes.validating import WIDTH
from engram.server.shapes.runs import RecipeChange, RunRecipe
from engram.store.records.runs import Run

router = Router(prefix="/api/v1/runs/{run}", tags=["runs"])


@router.get("/recipe", operation_id="runs.recipe")
def recipe(run: str, who: Who, here: Here) -> RunRecipe:
    """Return the recipe of a run with every key that it used, and the text that it began with."""
    found = find(here, who, run)
    ran = _ordered(found.body)
    written, changes = _written(found, who, here)
    return RunRecipe(
        run=found.id,
        digest=found.recipe_digest,
        text=yaml.safe_dump(ran, sort_keys=False, allow_unicode=True, width=WIDTH),
        recipe=ran,
        written=written,
        changes=[RecipeChange(path=list(path), value=value) for path, value in changes],
    )


def _ordered(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored recipe with its keys as people know them; one of another version stays as it was stored."""
    try:
        ordered: dict[str, Any] = to_dict(from_dict(Recipe, body))
    except EngramError:
        return dict(body)
    return ordered


def _written(run: Run, who: Who, here: Here) -> tuple[str, list[tuple[tuple[str, ...], Any]]]:
    """Return the text of a run's recipe, and what was changed for the run; an empty text where it can't be read."""
    path = here.folder(run.id).path / "recipe.yaml"
    if not path.is_file():
        return "", []
    text = path.read_text(encoding="utf-8-sig")
    try:
        loaded = pin_datasets(load_text(text), partial(named, here, who))
    except EngramError:  # a dataset that is gone, a name that only another version knew: what ran is told all the same
        return "", []
    changes = differences(to_dict(loaded.recipe), dict(run.body))
    return text, [(path, _short(path, value)) for path, value in changes]


def _short(path: tuple[str, ...], value: Any) -> Any:
    """Leave out of sources what is so by default, as people write them."""
    if path != ("data", "sources"):
        return value
    plain = to_dict(Source())
    return [{key: said for key, said in one.items() if said != plain[key]} for one in value]
