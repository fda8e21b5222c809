"""Recipes before they are stored or run: what one means, what is wrong with it, and what is known beforehand."""

from __future__ import annotations

from functools import lru_cache, partial

import yaml
from pydantic import BaseModel, ConfigDict, Field

from engram.config.jsonschema import recipe_schema
from engram.config.load import Loaded
from engram.config.pin import pin_datasets
from engram.config.shipped import find_recipe, sample_files, shipped_names
from engram.data.quality import all_rows
from engram.errors import UsageError
from engram.gate.defaults import Gates
from engram.schema.codec import to_dict
from engram.schema.recipe import Recipe, Source
from engram.security.principal import HOUSE
from engram.server.access import Here, Who
from engram.server.datasets import find_dataset, named
from engram.server.recipe_check import Fault, Looked, Step, look, steps_of
from engram.server.recipe_policy import check_judge, check_policy
from engram.server.route import Router
from engram.server.routes.catalogue import MOST_CHARACTERS, NAME, check_places, find
from engram.server.routes.templates import find as find_template
from engram.server.shapes.catalogue import EarlierOut, FaultOut, GateOut, KnownOut, RecipeChecked, RecipeSchema
from engram.store.records import runs

router = Router(prefix="/api/v1/recipes", tags=["catalogue"])
WIDTH = 120


class Questioned(BaseModel):
    """A recipe: its text, or the name of a recipe or the id of a template; with changes, as a run takes them."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(default=None, max_length=MOST_CHARACTERS)
    recipe: str | None = Field(default=None, pattern=NAME)
    template: str | None = Field(default=None, max_length=40)
    set: list[str] = Field(default_factory=list, description="Changes: train.learning_rate=1e-4.", max_length=100)
    profile: str | None = None


@router.get("/schema", operation_id="recipes.schema")
def schema(who: Who) -> RecipeSchema:
    """Return the JSON schema of a recipe, for forms and editors."""
    return RecipeSchema(recipe_schema())


@router.post("/validate", operation_id="recipes.validate")
def validate(asked: Questioned, who: Who, here: Here) -> RecipeChecked:
    """Say what a recipe means and what is wrong with it, as a run would find; nothing is stored."""
    found = look(_text(asked, who, here), asked.set, asked.profile, _steps(who, here))
    loaded = found.loaded
    valid = loaded is not None and not found.faults
    return RecipeChecked(
        valid=valid,
        name=loaded.recipe.name if loaded else "",
        text=as_yaml(loaded.recipe) if loaded and valid else "",
        digest=loaded.digest if loaded and valid else "",
        profiles=list(loaded.profiles) if loaded else [],
        notes=list(loaded.notes) if loaded else [],
        problems=[_fault(one) for one in found.faults],
        gates=_gates(found.gates, loaded.recipe) if loaded else [],
        known=_known(who, here, found),
    )


def as_yaml(recipe: Recipe) -> str:
    """Return a recipe with every key that a run uses, as YAML.

    >>> from engram.config.load import load_recipe
    >>> as_yaml(load_recipe("quickstart", environment={}).recipe).splitlines()[0]
    'name: quickstart'
    """
    return yaml.safe_dump(to_dict(recipe), sort_keys=False, allow_unicode=True, width=WIDTH)


def _text(asked: Questioned, who: Who, here: Here) -> str:
    """Return the text that is meant; raises NotFound as if there were none for another's."""
    if [asked.text, asked.recipe, asked.template].count(None) != 2:
        raise UsageError("Say exactly one of text, recipe and template.", remedy="Send the text of the recipe.")
    if asked.text is not None:
        return asked.text
    if asked.template is not None:
        return str(find_template(here, who.to("templates.read"), asked.template).body["recipe_text"])
    reader, name = who.to("recipes.read"), str(asked.recipe)
    if name not in shipped_names():
        return find(here, reader, name).source
    reader.require(f"recipe {name}", HOUSE)
    return find_recipe(name).read_text(encoding="utf-8")


def _steps(who: Who, here: Here) -> list[Step]:
    """Return what a recipe goes through before it may run here, in the order of `catalogue.settled`."""

    def places(loaded: Loaded) -> Loaded:
        check_places(loaded, who)
        return loaded

    def policy(loaded: Loaded) -> Loaded:
        check_policy(here, loaded.recipe)
        return loaded

    def judge(loaded: Loaded) -> Loaded:
        check_judge(here, who, loaded.recipe)
        return loaded

    def pinned(loaded: Loaded) -> Loaded:
        return pin_datasets(loaded, partial(named, here, who))

    return [("data.sources", places), ("", policy), ("evaluate.judge", judge), ("data.sources", pinned)]


def _fault(one: Fault) -> FaultOut:
    said = {"line": one.line, "column": one.column, "key": one.key, "message": one.message}
    return FaultOut.model_validate({**said, "about": one.about, "suggestion": one.suggestion})


def _gates(declared: Gates, recipe: Recipe) -> list[GateOut]:
    found = []
    for stage, criteria in declared.items():
        own = recipe.gates.get(stage, ())
        for one in criteria:
            op, threshold = one.demand()
            said = {"stage": stage, "metric": one.metric, "op": op, "threshold": threshold, "severity": one.severity}
            found.append(GateOut.model_validate({**said, "own": any(one is ours for ours in own)}))
    return found


def _known(who: Who, here: Here, found: Looked) -> KnownOut:
    """Return what is known of a run of this recipe; nothing is guessed."""
    if found.loaded is None or found.faults:
        return KnownOut(rows=None, train_rows=None, steps=None, earlier=None)
    recipe = found.loaded.recipe
    rows = _rows(who, here, recipe)
    dealt = rows is not None and not any(one.part for one in recipe.data.sources)
    train_rows = round(rows * recipe.data.split.train) if rows is not None and dealt else None
    earlier = _earlier(who, here, found.loaded)
    return KnownOut(rows=rows, train_rows=train_rows, steps=steps_of(recipe, train_rows), earlier=earlier)


def _rows(who: Who, here: Here, recipe: Recipe) -> int | None:
    """Return how many rows the sources hold before any is dropped; None where one is not counted yet."""
    total = 0
    for one in recipe.data.sources:
        if one.dataset is not None:
            total += find_dataset(here, who.to("datasets.read"), one.dataset).rows
        elif one.sample in sample_files():
            total += _sample_rows(one.sample)
        else:
            return None
    limit = recipe.data.limit
    return total if limit is None else min(total, limit)


@lru_cache
def _sample_rows(name: str) -> int:
    return sum(1 for _ in all_rows(sample_files()[name], Source(sample=name)))


def _earlier(who: Who, here: Here, loaded: Loaded) -> EarlierOut | None:
    ask = who.to("runs.list").asks(None, 1, equal={"recipe": loaded.recipe.name, "state": "published"})
    with here.db.read() as tx:
        for one in runs.list_runs(tx, ask).items:
            if one.started is not None and one.ended is not None:
                took = (one.ended - one.started) / 1e6
                return EarlierOut(run=one.id, same=one.recipe_digest == loaded.digest, seconds=round(took, 1))
    return None
