"""Merged safetensors: the whole model, with any adapter folded into its weights.

Of a model that was trained in full, this is the full model: there is nothing to fold in, and it is saved as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.export.format import BaseRef, Export
from engram.export.inspect import refuse_code
from engram.export.tasks import Task, open_model, open_reader


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
    """Fold the adapter into the weights, where there is one, and save the model in fp32."""
    whole = model.merge_and_unload(safe_merge=True) if hasattr(model, "merge_and_unload") else model
    whole.config._name_or_path = base.name
    whole.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def open_merged(
    folder: Path,
    base: BaseRef,
    labels: Sequence[str],
    task: str | Task = "classify",
    digests: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Open the folder as any user of transformers would; neither base nor labels are needed."""
    refuse_code(folder)
    return open_model(folder, task).eval(), open_reader(folder, task)


EXPORT = Export(name="merged", title="Merged safetensors", write=write, open=open_merged, consumes=True)
