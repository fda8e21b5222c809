"""What a prep step is: a name, a version, what it works on, and a pure function with options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engram.config.bounds import Bound

On = Literal[
    "file", "text", "row", "training rows", "tokens", "batches", "reading", "samples", "features", "pixels", "groups"
]


@dataclass(frozen=True)
class NoOptions:
    """The options of a step that has none."""


@dataclass(frozen=True)
class Step:
    """One prep step. A change of what `apply` returns needs a new `version`, or old caches would be trusted.

    on: what it works on, which decides what `apply` is and when it is called:

    - ``file``: ``apply(facts, options)`` returns why a file with such facts is not taken, or ''.
    - ``text``: ``apply(text)``, or ``apply(text, options)`` with options, returns a text. Before rows are compared.
    - ``row``: ``apply(options)`` returns an `engram.data.compose.Composer`, which makes rows out of columns.
    - ``training rows``: ``apply(rows, options, seed, labels)`` yields rows. After the split, on its training part only.
    - ``tokens``, ``batches``: ``apply(options)`` returns keys of the recipe's block `train` and their values.
    - ``samples``: ``apply(shown, options, random)`` returns what a model is shown of a training row instead, anew in
      each epoch: float32 samples of a sound, shape (samples,). random: a generator of NumPy's, seeded for the row.
    - ``features``: the same, of features of a sound, shape (frames, features).
    - ``pixels``: the same, of an `engram.prep.shown_image.ShownImage`.
    - ``reading``: ``apply(options)`` returns how the files of all rows are read.
    - ``groups``: ``apply(options)`` returns how rows stand in groups, whose members are set against each other.

    takes: what rows must hold. options: a frozen dataclass; its fields are the step's options, with their types,
    defaults and lines of docstring.
    bounds: option → the range of its number. fault: returns what types and bounds can't say, or ''.

    >>> Step("shout", "1", str.upper).apply("hello")
    'HELLO'
    """

    name: str
    version: str
    apply: Callable[..., Any]
    on: On = "text"
    options: type[Any] = NoOptions
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    fault: Callable[[Any], str] = lambda options: ""
    takes: Literal["text", "pairs", "scores", "sound", "image"] = "text"
