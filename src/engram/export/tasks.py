"""What an export must know of a task: transformers' classes for it, and how its graph is made. Imports nothing heavy.

The three tasks of texts stand in a table by their names; a kind whose models take something else brings its own `Task`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from engram import files
from engram.errors import UnknownName

TOKENS = "AutoTokenizer"


@dataclass(frozen=True)
class Task:
    """How models of one task are opened and made into graphs.

    auto: transformers' class that opens a model. seq2seq: that of a model with an encoder and a decoder, where it is
    another one. labelled: the model has a head with a place for each label. reader: transformers' class of what makes a
    model's inputs, which is saved beside it. settings: what `from_pretrained` is told besides.
    graph: the module that makes a graph of a model, with the names that `engram.export.wrap` has for it: inputs_of,
    wrap, free, example, SHAPES and opened. That of a module that a plain configuration builds has `build` besides, from
    the configuration to the module.
    """

    name: str
    auto: str
    seq2seq: str = ""
    labelled: bool = False
    reader: str = TOKENS
    settings: Mapping[str, Any] = field(default_factory=dict)
    graph: str = "engram.export.wrap"

    def graphing(self) -> ModuleType:
        """Return the module that makes a graph of a model."""
        return importlib.import_module(self.graph)


TASKS = {
    "classify": Task("classify", "AutoModelForSequenceClassification", labelled=True),
    "tag": Task("tag", "AutoModelForTokenClassification", labelled=True),
    "generate": Task("generate", "AutoModelForCausalLM", seq2seq="AutoModelForSeq2SeqLM"),
}


def as_task(task: str | Task) -> Task:
    """Return a task, given itself or by the name of one of texts.

    Raises UnknownName for a name that is not in the table.

    >>> as_task("tag").auto
    'AutoModelForTokenClassification'
    """
    if isinstance(task, Task):
        return task
    if task not in TASKS:
        raise UnknownName.of("task", task, TASKS)
    return TASKS[task]


def auto_class(task: str | Task, seq2seq: bool = False) -> str:
    """Return the name of the Auto class; `seq2seq`: of a model with an encoder and a decoder, as T5.

    Raises UnknownName for a name that is not in the table.

    >>> auto_class("generate"), auto_class("generate", seq2seq=True), auto_class("tag", seq2seq=True)
    ('AutoModelForCausalLM', 'AutoModelForSeq2SeqLM', 'AutoModelForTokenClassification')
    """
    found = as_task(task)
    return found.seq2seq if seq2seq and found.seq2seq else found.auto


def is_seq2seq(folder: Path) -> bool:
    """Tell whether a model's folder says that the model has an encoder and a decoder; False where it says nothing."""
    config = folder / "config.json"
    return config.is_file() and bool(files.read_json(config).get("is_encoder_decoder", False))


def open_model(folder: Path, task: str | Task, **settings: Any) -> Any:
    """Open a folder in transformers' format for a task, from safetensors only; `settings` go to `from_pretrained`."""
    import transformers

    opener = getattr(transformers, auto_class(task, is_seq2seq(folder)))
    return opener.from_pretrained(folder, use_safetensors=True, **settings)


def open_reader(folder: Path, task: str | Task) -> Any:
    """Open what makes a model's inputs: the tokenizer, the feature extractor, … that was saved in a folder."""
    import transformers

    return getattr(transformers, as_task(task).reader).from_pretrained(folder)
