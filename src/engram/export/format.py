"""What an export format is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BaseRef:
    """The base model as an export names it: folder on this machine, the ecosystem's name, pinned commit, digest."""

    folder: Path
    name: str
    revision: str
    digest: str


@dataclass(frozen=True)
class Export:
    """One format.

    write: (model, tokenizer, base, folder) puts the files down. open: (folder, base, labels) reads them back with the
    ecosystem's own loader and nothing of ours, and returns (model, tokenizer). adapter_type: the recipe's
    ``adapter.type`` that it needs, None for any. consumes: writing changes the model, so it must come last.
    """

    name: str
    title: str
    write: Callable[[Any, Any, BaseRef, Path], None]
    open: Callable[[Path, BaseRef, Sequence[str]], tuple[Any, Any]]
    adapter_type: str | None = None
    consumes: bool = False
