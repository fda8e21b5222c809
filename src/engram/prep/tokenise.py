"""How long a row may be, said among the prep steps; it is the same as ``train.max_seq_length``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engram.config.bounds import COUNT
from engram.prep.step import Step


@dataclass(frozen=True)
class Options:
    """How rows are tokenised.

    max_length: longer rows are truncated, and counted as lost tokens; the same as ``train.max_seq_length``.
    """

    max_length: int


def tokenise(options: Options) -> dict[str, Any]:
    """Return what the step sets in the block `train`.

    >>> tokenise(Options(128))
    {'max_seq_length': 128}
    """
    return {"max_seq_length": options.max_length}


STEP = Step("tokenise", "1", tokenise, on="tokens", options=Options, bounds={"max_length": COUNT})
