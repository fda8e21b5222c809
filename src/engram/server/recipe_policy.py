"""What the house's settings bound in a recipe: how long, from which repositories, by which plugins. For everybody."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from engram import registry
from engram.errors import Forbidden, NotFound
from engram.schema.recipe import Recipe
from engram.server.access import Caller
from engram.server.platform import Platform
from engram.store.records import artifacts

# Models that are no repository of the hub: ours by their prefix.
OURS = ("embedded:", "made:", "gym:")
LATEST = "main"


def check_policy(here: Platform, recipe: Recipe) -> None:
    """Refuse a recipe that asks for more than the settings allow; an Admin changes the settings, not the rule.

    Raises Forbidden, naming the setting, its value and what was asked.
    """
    _check_bounds(here, recipe)
    _check_hub(here.setting("policy.hub"), recipe)
    _check_plugins(here.setting("policy.plugins"), recipe)


def check_judge(here: Platform, who: Caller, recipe: Recipe) -> None:
    """Refuse a recipe whose judge is not an artifact that the caller may read.

    Raises NotFound, as if there were none, for another's.
    """
    digest = recipe.evaluate.judge
    if digest is None:
        return
    with here.db.read() as tx:
        try:
            found = artifacts.get_artifact(tx, digest)
        except NotFound:
            found = None
    who.to("artifacts.read").touch(found if found and found.deleted is None else None, f"artifact {digest} to judge")


def is_allowed(repository: str, revision: str, patterns: list[str]) -> bool:
    """Tell whether a hub repository at a revision is on a list of patterns; one without @ allows every revision.

    >>> is_allowed("org/model", "main", ["org/*"]), is_allowed("org/model", "main", ["org/model@v1"])
    (True, False)
    """
    for pattern in patterns:
        name, at, wanted = pattern.partition("@")
        if fnmatchcase(repository, name) and (not at or fnmatchcase(revision, wanted)):
            return True
    return False


def _check_bounds(here: Platform, recipe: Recipe) -> None:
    asked = (
        ("train.max_seq_length", recipe.train.max_seq_length, "train.max_seq_length"),
        ("train.tokens_per_batch", recipe.train.tokens_per_batch, "train.max_tokens_per_batch"),
        ("evaluate.max_new_tokens", recipe.evaluate.max_new_tokens, "predict.max_new_tokens"),
    )
    for key, value, setting in asked:
        most = here.setting(setting)
        if value is not None and value > most:
            raise Forbidden(
                f"The recipe's {key} is {value} tokens; at most {most} are allowed here (setting {setting}).",
                remedy=f"Ask with --set {key}={most}, or ask an Admin to raise the setting.",
            )


def _check_hub(patterns: list[str], recipe: Recipe) -> None:
    asked = [(one.hub, one.revision) for one in recipe.data.sources if one.hub]
    source = recipe.model.source
    if not source.startswith(OURS) and not _is_place(source):
        asked.append((source, recipe.model.revision))
    for said, revision in asked:
        repository, _, pinned = said.partition("@")
        if not is_allowed(repository, pinned or revision or LATEST, patterns):
            raise Forbidden(
                f"The hub repository {repository}@{pinned or revision} may not be used here; allowed: "
                f"{', '.join(patterns) or 'none'} (setting policy.hub).",
                remedy="Use one that is allowed, or ask an Admin.",
            )


def _check_plugins(patterns: list[str], recipe: Recipe) -> None:
    used: list[tuple[str, str]] = [("kind", recipe.kind)]
    used += [("metric", name) for name in recipe.evaluate.metrics]
    used += [("callback", name) for name in (*recipe.train.callbacks, *recipe.train.report_to)]
    used += [("prep step", step.name) for step in recipe.prep]
    for what, name in used:
        plugin = registry.plugin_of(what, name)
        if plugin and not any(fnmatchcase(plugin, pattern) for pattern in patterns):
            raise Forbidden(
                f"The {what} {name!r} is of the plugin {plugin}, which runs may not use here (setting policy.plugins).",
                remedy="Use another, or ask an Admin.",
            )


def _is_place(source: str) -> bool:
    return source.startswith(("/", "./", "../", "~")) or Path(source).exists()
