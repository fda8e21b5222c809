"""What a request wants of a model beside its input: how much is read and written, where it stops, and who listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Options of one input.

    max_input_tokens, max_new_tokens: at most so many, and never more than the recipe allows; None leaves it to that.
    stop: texts before which an answer ends. on_text: hears the answer's text piece by piece while it is written, and
    answers whether it goes on listening; without a listener nothing more is written.
    """

    max_input_tokens: int | None = None
    max_new_tokens: int | None = None
    stop: tuple[str, ...] = ()
    on_text: Callable[[str], bool] | None = None


NO_OPTIONS = Options()
