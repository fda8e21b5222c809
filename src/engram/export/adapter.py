"""PEFT adapter: the small trained part, beside the name, commit and digest of the base that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engram import files
from engram.export.format import BaseRef, Export


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path) -> None:
    """Save adapter and tokenizer; `engram_base.json` holds the digest of the base's files."""
    config = model.peft_config["default"]
    config.base_model_name_or_path = base.name
    config.revision = base.revision or None
    for name in ("target_modules", "modules_to_save"):
        if isinstance(chosen := getattr(config, name), set | list | tuple):
            setattr(config, name, sorted(chosen))  # peft keeps a set, whose order changes from process to process
    model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # peft's template; the artifact has a card of its own
    files.write_json(
        folder / "engram_base.json",
        {"format": "engram.base/1", "name": base.name, "revision": base.revision, "digest": base.digest},
    )


def open_adapter(folder: Path, base: BaseRef, labels: Sequence[str]) -> tuple[Any, Any]:
    """Open base and adapter as any user of peft would, in fp32 as the model was trained, however the base is stored."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    body = AutoModelForSequenceClassification.from_pretrained(
        base.folder, num_labels=len(labels), pad_token_id=tokenizer.pad_token_id, dtype=torch.float32
    )
    return PeftModel.from_pretrained(body, folder).eval(), tokenizer


EXPORT = Export(name="adapter", title="PEFT adapter", write=write, open=open_adapter, adapter_type="lora")
