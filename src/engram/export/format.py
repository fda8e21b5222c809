"""What an export format is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from engram.errors import MissingExtra
from engram.export.tasks import Task

EXTRA = "export"


@dataclass(frozen=True)
class BaseRef:
    """The base model as an export names it: folder on this machine, the ecosystem's name, pinned commit, digest."""

    folder: Path
    name: str
    revision: str
    digest: str


class Write(Protocol):
    """Puts a model's files down in a folder that exists; the model computes the same afterwards, or is consumed.

    tokenizer: what makes the model's inputs, whatever they are.
    """

    def __call__(self, model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
        """Write them; raises UserError when this model can't be had in the format."""


class Open(Protocol):
    """Reads the files back with the ecosystem's own loader and returns (model, tokenizer)."""

    def __call__(
        self,
        folder: Path,
        base: BaseRef,
        labels: Sequence[str],
        task: str | Task = "classify",
        digests: Mapping[str, str] | None = None,
    ) -> tuple[Any, Any]:
        """Open them; raises Refused for files that run code, unless `digests` (path in folder → SHA-256) names them."""


@dataclass(frozen=True)
class Export:
    """One format.

    write, open: what the protocols say. adapter_type: the recipe's ``adapter.type`` that it needs, None for any.
    consumes: writing changes the model, so it must come last. lossy: its answers may differ, so it is judged by the
    metric and never by the logits. executable: opening it runs code, so it is opened by its digest only. needs_base:
    it is opened on top of the base model. packages: what it needs beyond the extra `train`. plain: it takes modules
    that a plain configuration builds, and no model of transformers.
    """

    name: str
    title: str
    write: Write
    open: Open
    adapter_type: str | None = None
    consumes: bool = False
    lossy: bool = False
    executable: bool = False
    needs_base: bool = False
    packages: tuple[str, ...] = ()
    plain: bool = False


def check_packages(exports: Iterable[Export]) -> None:
    """Make sure, before a run spends time, that every format can be written here; imports nothing.

    Raises MissingExtra with the command that installs what is missing.
    """
    for export in exports:
        if lost := _lost(export):
            raise MissingExtra(
                f"The export {export.name!r} needs {', '.join(lost)}, which is not installed.",
                remedy=f"In Engram's folder: pip install -e '.[{EXTRA}]', or leave {export.name} out of 'export'.",
            )


def best_to_open(exports: Iterable[Export]) -> Export:
    """Return the format to answer with: no code before code, exact before lossy, whole models before adapters.

    Raises ValueError when there is none to choose from.
    """
    return min(exports, key=lambda one: (one.executable, one.lossy, bool(_lost(one)), one.needs_base, one.name))


def _lost(export: Export) -> list[str]:
    return [name for name in export.packages if find_spec(name) is None]
