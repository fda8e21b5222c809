"""The block `policy`, and what else a recipe must say or leave out when its rows are seeds of episodes."""

from __future__ import annotations

from collections.abc import Iterator

from engram.schema.card import TaskCard
from engram.schema.codec import FieldProblem
from engram.schema.policy import OF_ALGORITHM, Policy
from engram.schema.recipe import Recipe

MOST_WIDTH, MOST_LAYERS = 4096, 8


def check_policy(recipe: Recipe, task: TaskCard) -> list[FieldProblem]:
    """Return the faults of what belongs to learning in an environment alone."""
    if task.played:
        return [*_played(recipe), *_settings(recipe.policy or Policy(), recipe.train.max_steps)]
    problems = []
    if recipe.policy is not None:
        told = (
            f"the block 'policy' is for what learns in an environment, and the kind {recipe.kind!r} learns from rows."
        )
        problems.append(FieldProblem(("policy",), told, remedy="Leave it out."))
    if recipe.data.seeds is not None:
        told = "'data.seeds' is for what learns in an environment; rows come from 'data.sources'."
        problems.append(FieldProblem(("data", "seeds"), told, remedy="Leave it out."))
    return problems


def _played(recipe: Recipe) -> Iterator[FieldProblem]:
    if recipe.data.sources:
        told = f"the kind {recipe.kind!r} learns in an environment and takes no sources: its rows are seeds."
        yield FieldProblem(("data", "sources"), told, remedy="Write data: {seeds: 500}, and no sources.")
    if recipe.data.split.held_out or recipe.data.split.group:
        yield FieldProblem(("data", "split"), "seeds have no columns that could be grouped or held out.")
    if recipe.train.max_steps is None:
        told = "'train.max_steps' must say how many steps are taken in the environment; there are no epochs of it."
        yield FieldProblem(("train", "max_steps"), told, remedy="Write for example max_steps: 50000.")
    if recipe.train.precision not in ("auto", "fp32"):
        told = "a policy is small and learns in fp32."
        yield FieldProblem(("train", "precision"), told, remedy="Write fp32, or leave it out.")
    if recipe.prep:
        named = [one.name for one in recipe.prep if one.name != "normalise"]
        if named:
            yield FieldProblem(
                ("prep",), f"seeds have nothing that {named[0]!r} could work on.", remedy="Write prep: []."
            )


def _settings(policy: Policy, steps: int | None) -> Iterator[FieldProblem]:
    for name in policy.given():
        if policy.algorithm not in OF_ALGORITHM[name]:
            told = (
                f"{name!r} is a setting of {' and '.join(OF_ALGORITHM[name])}, and the algorithm is {policy.algorithm}."
            )
            yield FieldProblem(("policy", name), told, remedy="Leave it out.")
    for place, width in enumerate(policy.net_arch or ()):
        if not 1 <= width <= MOST_WIDTH:
            yield FieldProblem(("policy", "net_arch", place), f"a layer has 1 to {MOST_WIDTH} units, not {width}.")
    if len(policy.net_arch or ()) > MOST_LAYERS:
        yield FieldProblem(("policy", "net_arch"), f"at most {MOST_LAYERS} layers are built.")
    starts = policy.learning_starts
    if steps is not None and starts is not None and policy.algorithm != "ppo" and starts >= steps:
        told = f"learning starts after {starts} steps, and 'train.max_steps' is {steps}."
        yield FieldProblem(("policy", "learning_starts"), told, remedy="Lower it: nothing would be learned.")
