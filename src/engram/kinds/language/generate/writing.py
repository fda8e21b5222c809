"""Writing: the most probable token after the other, many answers at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from transformers import GenerationConfig

from engram.kinds.language.generate.examples import cut_prompt
from engram.kinds.language.generate.listening import Until, read_until
from engram.kinds.language.generate.voice import Voice
from engram.kinds.language.limits import check_lengths
from engram.kinds.language.load import Loaded, quiet
from engram.schema.options import NO_OPTIONS, Options
from engram.schema.recipe import Evaluate
from engram.train.batches import order_for_scoring

# Tokens of one batch, read and written together.
WRITING_TOKENS = 8192


@dataclass(frozen=True)
class Written:
    """A text, why it ended, and how many tokens were read and written for it (the one that ended it not counted)."""

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


def settle(model: Any, voice: Voice) -> None:
    """Make a model write greedily, and end where its template, its tokenizer or its publisher ends an answer.

    What else its publisher set (sampling, penalties) is dropped: the exported model writes as the evaluated one did.
    """
    inner = _inner(model)
    stops = sorted({*_stops(inner), *(stop for stop in (voice.stop, voice.end) if stop is not None)})
    if not hasattr(inner, "generation_config"):  # a graph writes greedily, as its configuration says
        inner.config.eos_token_id, inner.config.pad_token_id = stops, voice.tokenizer.pad_token_id
        return
    inner.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        num_beams=1,
        eos_token_id=stops or None,
        pad_token_id=voice.tokenizer.pad_token_id,
        bos_token_id=voice.tokenizer.bos_token_id,
        decoder_start_token_id=inner.config.decoder_start_token_id if voice.encoder_decoder else None,
    )


def write(
    loaded: Loaded,
    voice: Voice,
    prompts: Sequence[Sequence[int]],
    on_rows: Callable[[int], None] = lambda done: None,
    options: Sequence[Options] | None = None,
) -> list[Written]:
    """Return what the model writes after each prompt, in their order; the same one by one as together.

    At most `evaluate.max_new_tokens` of the recipe, and at most half of the positions that the model has.
    options: one for each prompt, of people who ask; then a prompt that is too long is refused and not cut.

    Raises UsageError for such a prompt.
    """
    model = _inner(loaded.model).eval()
    most, room = _bounds(loaded, voice, model)
    if options is not None:
        check_lengths([len(prompt) for prompt in prompts], options, room)
    asked = options or [NO_OPTIONS] * len(prompts)
    limits = [most if one.max_new_tokens is None else min(most, one.max_new_tokens) for one in asked]
    nothing = [voice.tokenizer.pad_token_id]  # where neither prompt nor tokenizer gives a token to begin with
    stops = _stops(model)
    cut = [cut_prompt(voice, prompt or nothing, room) for prompt in prompts]
    found: dict[int, Written] = {}
    with torch.inference_mode(), quiet():
        for rows in order_for_scoring([len(prompt) + most for prompt in cut], WRITING_TOKENS):
            inputs = _batch([cut[row] for row in rows], voice, next(model.parameters()).device)
            skip = 1 if voice.encoder_decoder else inputs["input_ids"].shape[1]
            until = Until(voice, [asked[row] for row in rows], [limits[row] for row in rows], stops, skip)
            heard = {"stopping_criteria": [until]} if options is not None else {}
            out = model.generate(**inputs, max_new_tokens=max(limits[row] for row in rows), **heard)
            for row, ear, tokens in zip(rows, until.ears, out[:, skip:].tolist(), strict=True):
                found[row] = _read(voice, stops, tokens[: limits[row]], len(cut[row]), asked[row].stop)
                if ear is not None:
                    ear.close(found[row].text)
            on_rows(len(found))
    return [found[row] for row in range(len(prompts))]


def _bounds(loaded: Loaded, voice: Voice, model: Any) -> tuple[int, int]:
    """Return the most tokens of an answer and of a prompt."""
    positions = getattr(model.config, "max_position_embeddings", None)
    most = (loaded.recipe.evaluate if loaded.recipe else Evaluate()).max_new_tokens
    room = loaded.max_length
    if positions:
        most = min(most, positions // 2)
        room = room if voice.encoder_decoder else min(room, positions - most)
    return most, room


def _inner(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _batch(prompts: Sequence[Sequence[int]], voice: Voice, device: torch.device) -> dict[str, torch.Tensor]:
    """Pad prompts: on the left for a decoder alone, so that all go on at the same place."""
    width = max(map(len, prompts))
    ids = np.full((len(prompts), width), voice.tokenizer.pad_token_id, dtype=np.int64)
    mask = np.zeros((len(prompts), width), dtype=np.int64)
    for i, prompt in enumerate(prompts):
        place = slice(0, len(prompt)) if voice.encoder_decoder else slice(width - len(prompt), width)
        ids[i, place] = prompt
        mask[i, place] = 1
    return {"input_ids": torch.from_numpy(ids).to(device), "attention_mask": torch.from_numpy(mask).to(device)}


def _stops(model: Any) -> list[int]:
    said = getattr(model, "generation_config", model.config).eos_token_id
    return list(said) if isinstance(said, list | tuple) else [] if said is None else [said]


def _read(voice: Voice, stops: Sequence[int], tokens: Sequence[int], read: int, stop: Sequence[str]) -> Written:
    end = next((place for place, token in enumerate(tokens) if token in stops), None)
    own = read_until(voice, list(tokens if end is None else tokens[:end]), stop)
    return Written(own.text, "length" if end is None and not own.ended else "stop", read, own.tokens)
