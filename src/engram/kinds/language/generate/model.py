"""The task generate: the model, opened new or from an export, and its answers to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from engram.data.rows import Message
from engram.errors import UserError
from engram.export.format import BaseRef
from engram.kinds.language import exports
from engram.kinds.language.generate.examples import everything, prompt_ids, voice_of
from engram.kinds.language.generate.voice import dress, listen
from engram.kinds.language.generate.writing import settle, write
from engram.kinds.language.load import Loaded, build, quiet
from engram.schema.options import Options
from engram.schema.recipe import Recipe
from engram.train import packing


def load(recipe: Recipe, labels: Sequence[str] = (), device: str = "cpu") -> Loaded:
    """Build the model that a recipe trains.

    Raises what `build` raises, and UserError for a template that is none and for rows that can't be packed.
    """

    def opened(folder: Path, labels: Sequence[str], tokenizer: Any) -> Any:
        model = open_generator(folder)
        dress(tokenizer, model.config.is_encoder_decoder, recipe.model.template)
        everything(recipe, model.config.is_encoder_decoder)
        settle(model, listen(tokenizer, model.config.is_encoder_decoder))
        if recipe.train.packing:
            packing.enable(model)
        return model

    return build(recipe, labels, device, opened, _peft_task)


def reopen(
    name: str,
    folder: Path,
    base: BaseRef,
    labels: tuple[str, ...],
    recipe: Recipe,
    digests: Mapping[str, str] | None = None,
) -> Loaded:
    """Open an exported model, ready to answer; parameters and errors are those of every task's."""
    loaded = exports.reopen(name, folder, base, labels, recipe, digests)
    settle(loaded.model, voice_of(loaded))
    return loaded


def open_generator(folder: Path) -> Any:
    """Return a model that writes, in fp32: a decoder alone, or an encoder with a decoder.

    Raises UserError when transformers knows no such model for this architecture, or knows it as an encoder only.
    """
    config = AutoConfig.from_pretrained(folder)
    opener = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    looks_both_ways = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not (
        config.is_encoder_decoder or getattr(config, "is_decoder", False)
    )
    try:
        if looks_both_ways:
            raise ValueError(config.model_type)
        with quiet():
            return opener.from_pretrained(folder, dtype=torch.float32)
    except ValueError as error:
        raise UserError(
            f"{folder} holds a {config.model_type} model, which can't write texts.",
            remedy="Choose a causal model (Qwen2, Llama, GPT-2, …) or an encoder-decoder (T5, BART, …).",
        ) from error


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer texts and conversations.

    inputs: a text, which is what a user says, or ``{"messages": […], "tools": […]}``; a last message of the assistant
    is gone on with. Each answer has text, finish_reason (``stop`` or ``length``), prompt_tokens, completion_tokens.

    Raises UserError for an input that is neither, or that the model's template refuses; with options UsageError for one
    that is too long.
    """
    voice = voice_of(loaded)
    prompts = [prompt_ids(voice, *_conversation(one)) for one in inputs]
    return [vars(written) for written in write(loaded, voice, prompts, options=options)]


def _conversation(asked: Any) -> tuple[Sequence[Message], Sequence[Mapping[str, Any]]]:
    if isinstance(asked, str):
        return [{"role": "user", "content": asked}], ()
    messages = asked.get("messages") if isinstance(asked, Mapping) else None
    if isinstance(messages, list | tuple) and all(map(_is_message, messages)):
        return messages, asked.get("tools") or ()
    raise UserError(
        f"This is neither a text nor a conversation: {str(asked)[:80]!r}.",
        remedy='Give a text, or {"messages": [{"role": "user", "content": "…"}]}.',
    )


def _is_message(one: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(one.get("role"), str) and isinstance(one.get("content"), str | None)


def _peft_task(model: Any) -> str:
    return "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
