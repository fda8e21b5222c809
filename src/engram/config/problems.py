"""Many problems, one error: a recipe's faults are collected, sorted by line and told together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engram.config.tree import Tree, dotted
from engram.errors import RecipeError
from engram.schema.codec import FieldProblem


@dataclass(frozen=True)
class Problem:
    """One fault: where it stands (``file:line`` or ``--set key``), the dotted key it is about, and what it is."""

    where: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class RecipeProblems(RecipeError):
    """Every fault of one recipe; the message has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__("\n".join(map(str, self.problems)))


def locate(found: FieldProblem, tree: Tree) -> Problem:
    """Give a fault of a field its place in the file or on the command line."""
    mark = tree.mark(found.path)
    return Problem(mark.where, mark.line, mark.column, dotted(found.path), str(found))
