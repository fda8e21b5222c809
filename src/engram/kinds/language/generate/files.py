"""Writing a tuned model down, and opening such files as any user of transformers and peft would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram import registry
from engram.export.format import BaseRef
from engram.kinds.language.generate.voice import dress
from engram.kinds.language.load import Loaded, open_tokenizer, quiet
from engram.kinds.language.tokens import add_tokens, make_room


def export(loaded: Loaded, name: str, folder: Path) -> None:
    """Write one format; its tokenizer carries the special tokens and the chat template that were trained with.

    A format that `consumes` the model leaves `loaded` unfit for anything else.
    """
    if loaded.base is None or loaded.recipe is None:
        raise ValueError("A model that was reopened from an export is not exported again.")
    folder.mkdir(parents=True, exist_ok=True)
    model: Any = loaded.model
    with quiet():
        # A tokenizer that has worked carries its last truncation and padding into the file; a fresh one does not.
        fresh = open_tokenizer(loaded.base.folder)
        add_tokens(fresh, loaded.recipe.model.special_tokens)
        dress(fresh, model.config.is_encoder_decoder, loaded.recipe.model.template)
        registry.get("export", name).write(model, fresh, loaded.base, folder)


def open_files(name: str, folder: Path, base: BaseRef) -> tuple[Any, Any]:
    """Return (model, tokenizer) of one exported format, in fp32."""
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    whole = folder if name != "adapter" else base.folder
    opener = AutoModelForSeq2SeqLM if AutoConfig.from_pretrained(whole).is_encoder_decoder else AutoModelForCausalLM
    model, tokenizer = opener.from_pretrained(whole, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)
    if name == "adapter":
        make_room(model, tokenizer, ())
        model = PeftModel.from_pretrained(model, folder)
    return model.eval(), tokenizer
