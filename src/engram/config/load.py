"""A recipe from its file to a checked record: read, lay the layers over it, expand, build, check.

Who wins, from strongest to weakest: flag, ``--set``, ``ENGRAM_BLOCK__KEY``, profile, file, the default of the field.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.config.aliases import rename
from engram.config.build import build
from engram.config.check import check_recipe
from engram.config.overrides import apply_environment, apply_flags, apply_sets
from engram.config.prep_keys import settle_prep
from engram.config.problems import RecipeProblems, locate
from engram.config.read import read_tree
from engram.config.shipped import find_recipe, is_shipped
from engram.config.tree import Tree, dotted, leaves, overlay
from engram.config.variables import expand_tree
from engram.errors import RecipeError, did_you_mean
from engram.files import json_digest
from engram.schema.codec import FieldProblem, to_dict
from engram.schema.recipe import Recipe

LOCAL_TEST_PROFILE = "offline"
LOCAL_TEST_ROWS = 200
LOCAL_TEST_STEPS = 20


@dataclass(frozen=True)
class Loaded:
    """A recipe and how it came about.

    raw: the plain data behind it, layers applied and variables expanded. origins: dotted key → who said it, for every
    value that somebody said (the rest are defaults). digest: of the canonical JSON of the recipe. profiles: the names
    that `--profile` may choose. notes: sentences for people.
    """

    recipe: Recipe
    raw: dict[str, Any]
    file: Path
    origins: Mapping[str, str]
    digest: str
    profiles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from: the recipe's own, or for a shipped recipe the working folder."""
        return Path.cwd() if is_shipped(self.file) else self.file.resolve().parent


def load_recipe(
    path_or_name: str | Path,
    *,
    sets: Sequence[str] = (),
    profile: str | None = None,
    local_test: bool = False,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """Load a recipe by file or by the name of a shipped one.

    sets: ``a.b=value`` texts. flags: dotted key → value, what a command's own flags stand for. local_test: at most 200
    rows and 20 steps, with the profile ``offline`` where there is one.

    Raises RecipeProblems (a RecipeError) with every fault on its own line, UsageError for a ``--set`` that can't be
    applied, UnknownName for a recipe or profile that does not exist, NotFound for a missing file.

    >>> load_recipe("quickstart", sets=["train.seed=7"]).recipe.train.seed
    7
    """
    env = os.environ if environment is None else environment
    file = find_recipe(str(path_or_name))
    whole = read_tree(file)
    profiles = _profile_names(whole)
    if profile is None and local_test and LOCAL_TEST_PROFILE in profiles:
        profile = LOCAL_TEST_PROFILE
    tree, notes = rename(whole.without("profiles"))
    if profile is not None:
        chosen, more = rename(_profile(whole, profile))
        tree, notes = overlay(tree, chosen), (*notes, *more)
    tree = apply_sets(apply_environment(tree, env), sets)
    tree = apply_flags(_bounded(tree) if local_test else tree, flags or {})
    tree, problems = expand_tree(tree, env)
    tree, meant = settle_prep(tree)
    built = build(tree.data)
    found = [*built.problems]
    if built.recipe is not None:
        found += [fault for fault in check_recipe(built.recipe) if not _follows(fault, built.removed)]
    problems += [locate(fault, tree) for fault in found]
    if problems or built.recipe is None:
        raise RecipeProblems(problems)
    digest = json_digest(to_dict(built.recipe))
    return Loaded(built.recipe, tree.data, file, _origins(tree), digest, profiles, (*notes, *meant))


def _profile(tree: Tree, name: str) -> Tree:
    names = _profile_names(tree)
    if name not in names:
        where = tree.mark(("profiles",)).where
        known = f"Its profiles: {', '.join(names)}." if names else "It has none."
        raise RecipeError(f"{where}: there is no profile {name!r}. {known}", remedy=did_you_mean(name, names))
    return tree.at(("profiles", name)).said_by(f"profile {name!r}")


def _profile_names(tree: Tree) -> tuple[str, ...]:
    profiles = tree.data.get("profiles")
    blocks = isinstance(profiles, dict) and all(isinstance(block, dict) for block in profiles.values())
    if profiles is not None and not blocks:
        where = tree.mark(("profiles",)).where
        raise RecipeError(f"{where}: 'profiles' must be a block of names, each with a block of keys.")
    return tuple(profiles or ())


def _bounded(tree: Tree) -> Tree:
    """Lower the rows and steps to those of a local test, where they are not lower already."""
    limits = {("data", "limit"): LOCAL_TEST_ROWS, ("train", "max_steps"): LOCAL_TEST_STEPS}
    for (block, key), most in limits.items():
        above = tree.data.get(block)
        said = above.get(key) if isinstance(above, dict) else None
        if said is None or (isinstance(said, int) and said > most):
            tree = apply_flags(tree, {f"{block}.{key}": most}, "--local-test")
    return tree


def _follows(fault: FieldProblem, removed: frozenset[tuple[str | int, ...]]) -> bool:
    """Tell whether a fault stands where another was set aside, so that it may only echo that one."""
    return any(gone[: len(fault.path)] == fault.path or fault.path[: len(gone)] == gone for gone in removed)


def _origins(tree: Tree) -> dict[str, str]:
    return {dotted(path): tree.mark(path).origin for path, _ in leaves(tree.data)}
