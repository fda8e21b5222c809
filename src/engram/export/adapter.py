"""PEFT adapter: the small trained part, beside the name, commit and digest of the base that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram import files
from engram.errors import PlatformError
from engram.export.format import BaseRef, Export
from engram.export.heads import lost_heads
from engram.export.inspect import refuse_code
from engram.export.tasks import TOKENS, Task, as_task, open_model, open_reader
from engram.export.tokens import fit_embeddings, keeps_rows


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
    """Save adapter and tokenizer; `engram_base.json` holds the digest of the base's files.

    Rows of added tokens are in the adapter when it trains them (`engram.export.tokens.token_rows`); where it does not,
    the embeddings are saved whole, because what a resize drew can't be drawn again.

    Raises PlatformError when the adapter alone would not give the model back: it lacks a part of the head, or the
    embeddings have a size that no reader would arrive at.
    """
    tokens = as_task(task).reader == TOKENS
    if as_task(task).labelled and (lost := lost_heads(model)):
        raise PlatformError(
            f"The adapter does not hold {', '.join(lost)}, which was drawn for this run and is in no base.",
            remedy="Name what engram.export.heads.head_modules returns as modules_to_save when the adapter is put on.",
        )
    config = model.peft_config["default"]
    config.base_model_name_or_path = base.name
    config.revision = base.revision or None
    for name in ("target_modules", "exclude_modules", "modules_to_save"):
        if isinstance(chosen := getattr(config, name), set | list | tuple):
            setattr(config, name, sorted(chosen))  # peft keeps sets, whose order changes from process to process
    added = _added_rows(model, tokenizer, base) if tokens else range(0)
    whole = bool(added) and not keeps_rows(model, added)
    model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=whole)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # peft's template; the artifact has a card of its own
    files.write_json(
        folder / "engram_base.json",
        {"format": "engram.base/1", "name": base.name, "revision": base.revision, "digest": base.digest},
    )


def open_adapter(
    folder: Path,
    base: BaseRef,
    labels: Sequence[str],
    task: str | Task = "classify",
    digests: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Open base and adapter as any user of peft would, in fp32 as the model was trained, however the base is stored."""
    import torch
    from peft import PeftModel

    refuse_code(folder)
    how, tokenizer = as_task(task), open_reader(folder, task)
    head: dict[str, Any] = {"num_labels": len(labels)} if how.labelled else {}
    if how.labelled and how.reader == TOKENS:
        head["pad_token_id"] = tokenizer.pad_token_id
    body = open_model(base.folder, task, dtype=torch.float32, **head, **how.settings)
    if how.reader == TOKENS:
        fit_embeddings(body, tokenizer)
    return PeftModel.from_pretrained(body, folder).eval(), tokenizer


def _added_rows(model: Any, tokenizer: Any, base: BaseRef) -> range:
    """Return the rows that the model has and its base has not."""
    from transformers import AutoConfig

    known = AutoConfig.from_pretrained(base.folder).get_text_config().vocab_size
    rows = model.get_input_embeddings().weight.shape[0]
    if rows != max(known, len(tokenizer)):
        raise PlatformError(
            f"The model has {rows} rows of embeddings; its base has {known} and its tokenizer {len(tokenizer)} tokens.",
            remedy="Add tokens with engram.export.tokens.fit_embeddings, which every reader of the adapter can repeat.",
        )
    return range(known, rows)


EXPORT = Export(
    name="adapter", title="PEFT adapter", write=write, open=open_adapter, adapter_type="lora", needs_base=True
)
