"""The task tag: the model and its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForTokenClassification
from transformers.pytorch_utils import Conv1D

from engram.errors import UserError
from engram.kinds.language.load import Loaded, build, quiet
from engram.kinds.language.padding import MASKED
from engram.kinds.language.source import find_folder
from engram.schema.recipe import Recipe

ALL_LINEAR = "all-linear"


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the tagger that a recipe trains; raises what `build` raises."""
    loaded = build(_without_head(recipe), labels, device, open_tagger, "TOKEN_CLS")
    return replace(loaded, recipe=recipe)


def open_tagger(folder: Path, labels: Sequence[str], tokenizer: Any) -> Any:
    """Return a token classifier with `labels` in fp32, its head new where the folder holds none.

    Raises UserError when transformers knows no token classifier for this architecture, or when the folder's weights
    are not those of the body that it would be put on.
    """
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.pad_token_id = tokenizer.pad_token_id
    try:
        with quiet():
            model, said = AutoModelForTokenClassification.from_pretrained(
                folder, config=config, dtype=torch.float32, output_loading_info=True
            )
    except ValueError as error:
        raise UserError(
            f"{folder} holds a {config.model_type} model, which can't be made a tagger.",
            remedy="Choose an encoder (BERT, MiniLM, …), a T5 or a causal model (Qwen2, Llama, GPT-2, …).",
        ) from error
    if missing := sorted(name for name in said["missing_keys"] if name.startswith(f"{model.base_model_prefix}.")):
        raise UserError(
            f"{folder} lacks {len(missing)} weights of a {config.model_type} model, among them {missing[0]}.",
            remedy="They would be random numbers. Check that config.json and the weights belong together.",
        )
    return model


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the words that have a target, and their number."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    targets = batch["targets"]
    total = functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=MASKED, reduction="sum"
    )
    return total, int((targets != MASKED).sum())


def _without_head(recipe: Recipe) -> Recipe:
    """Spell `all-linear` out as the linear layers of the body.

    peft takes the new head for one of them unless the task is SEQ_CLS, and then can't train it as a whole.
    """
    if recipe.adapter.type != "lora" or recipe.adapter.target_modules != ALL_LINEAR:
        return recipe
    config = AutoConfig.from_pretrained(find_folder(recipe.model))
    try:
        with torch.device("meta"):
            model = AutoModelForTokenClassification.from_config(config)  # type: ignore[no-untyped-call]
    except ValueError:
        return recipe  # `open_tagger` says what is wrong with it
    body = f"{model.base_model_prefix}."
    names = [name for name, part in model.named_modules() if isinstance(part, nn.Linear | Conv1D)]
    return replace(
        recipe,
        adapter=replace(recipe.adapter, target_modules=tuple(name for name in names if name.startswith(body))),
    )
