"""Merged safetensors: the whole model, with any adapter folded into its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engram.export.format import BaseRef, Export


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path) -> None:
    """Fold the adapter into the weights, where there is one, and save the model in fp32."""
    whole = model.merge_and_unload(safe_merge=True) if hasattr(model, "merge_and_unload") else model
    whole.config._name_or_path = base.name
    whole.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def open_merged(folder: Path, base: BaseRef, labels: Sequence[str]) -> tuple[Any, Any]:
    """Open the folder as any user of transformers would; neither base nor labels are needed."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


EXPORT = Export(name="merged", title="Merged safetensors", write=write, open=open_merged, consumes=True)
