"""The one table of tasks: which of transformers' Auto classes opens a model for a task. Nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram import files
from engram.errors import UnknownName

AUTO_CLASSES = {
    "classify": "AutoModelForSequenceClassification",
    "tag": "AutoModelForTokenClassification",
    "generate": "AutoModelForCausalLM",
}
SEQ2SEQ_CLASS = "AutoModelForSeq2SeqLM"
LABELLED = frozenset({"classify", "tag"})


def auto_class(task: str, seq2seq: bool = False) -> str:
    """Return the name of the Auto class; `seq2seq` (an encoder and a decoder, as T5) matters for generate alone.

    Raises UnknownName for a task that is not in the table.

    >>> auto_class("generate"), auto_class("generate", seq2seq=True), auto_class("tag", seq2seq=True)
    ('AutoModelForCausalLM', 'AutoModelForSeq2SeqLM', 'AutoModelForTokenClassification')
    """
    if task not in AUTO_CLASSES:
        raise UnknownName.of("task", task, AUTO_CLASSES)
    return SEQ2SEQ_CLASS if seq2seq and task == "generate" else AUTO_CLASSES[task]


def is_seq2seq(folder: Path) -> bool:
    """Tell whether a model's folder says that the model has an encoder and a decoder; False where it says nothing."""
    config = folder / "config.json"
    return config.is_file() and bool(files.read_json(config).get("is_encoder_decoder", False))


def open_model(folder: Path, task: str, **settings: Any) -> Any:
    """Open a folder in transformers' format for a task, from safetensors only; `settings` go to `from_pretrained`."""
    import transformers

    opener = getattr(transformers, auto_class(task, is_seq2seq(folder)))
    return opener.from_pretrained(folder, use_safetensors=True, **settings)
