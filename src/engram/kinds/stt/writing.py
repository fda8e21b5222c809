"""Models that write a transcript token by token (Whisper, Radford et al. 2022): prompt, text and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from engram.errors import UserError
from engram.export.base import quiet

MULTILINGUAL_TOKENS = 51_865  # the vocabulary of models of several languages, from this size on
START, PLAIN = "<|startoftranscript|>", "<|notimestamps|>"
STAMP_SECONDS = 0.02
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True)
class Writer:
    """How one model writes.

    prompt: the tokens before every transcript. end: the token behind it. most: tokens of one transcript at most.
    stamps: the numbers of the tokens that stand for times, in steps of 20 ms; empty where there are none.
    unwanted, not_first: tokens that its publisher lets it never write, or not at the beginning.
    """

    tokenizer: Any
    prompt: tuple[int, ...]
    end: int
    most: int
    stamps: range
    unwanted: tuple[int, ...] = ()
    not_first: tuple[int, ...] = ()

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text, without prompt and end."""
        found: list[int] = self.tokenizer(text.strip(), add_special_tokens=False, verbose=False)["input_ids"]
        return found

    def read(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        text: str = self.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text.strip()


def writer_of(config: Any, tokenizer: Any, said: Any, language: str | None) -> Writer:
    """Return how a model writes. said: its generation configuration, None where it has none.

    Raises UserError for a tokenizer without Whisper's tokens, and for a language that it does not know.
    """
    start = tokenizer.convert_tokens_to_ids(START)
    plain = tokenizer.convert_tokens_to_ids(PLAIN)
    if None in (start, plain, tokenizer.eos_token_id) or tokenizer.unk_token_id == start != tokenizer.eos_token_id:
        raise UserError(f"The tokenizer lacks {START} or {PLAIN}.", remedy="Choose a Whisper model with its tokenizer.")
    several = getattr(said, "is_multilingual", None)
    prompt = [start]
    if config.vocab_size >= MULTILINGUAL_TOKENS if several is None else several:
        for one in (f"<|{language or DEFAULT_LANGUAGE}|>", "<|transcribe|>"):
            if one not in tokenizer.get_vocab():
                raise UserError(f"The model knows no {one}.", remedy="Write model.language as a code, as de or pt.")
            prompt.append(tokenizer.convert_tokens_to_ids(one))
    elif language not in (None, DEFAULT_LANGUAGE):
        raise UserError("The model knows English alone.", remedy="Leave model.language out, or choose another model.")
    stamps = range(plain + 1, config.vocab_size) if tokenizer.convert_ids_to_tokens(plain + 1) == "<|0.00|>" else ()
    return Writer(
        tokenizer,
        (*prompt, plain),
        int(tokenizer.eos_token_id),
        int(config.max_target_positions) - len(prompt) - 2,
        range(*((stamps[0], stamps[-1] + 1) if stamps else (0, 0))),
        tuple(getattr(said, "suppress_tokens", None) or ()),
        tuple(getattr(said, "begin_suppress_tokens", None) or ()),
    )


def said_of(folder: Any) -> Any:
    """Return the generation configuration of a model's folder, None where there is none."""
    try:
        with quiet():
            return GenerationConfig.from_pretrained(folder)
    except OSError:
        return None


def write(model: Any, writer: Writer, features: torch.Tensor, most: int) -> list[list[int]]:
    """Return the tokens that a model writes for features (rows, bands, frames): the likeliest, one after the other.

    A row's tokens are the same alone and beside others. Not transformers' own `generate` of this model: it has rules
    of its own for long sounds, and what a publisher set for it changes what is written.
    """
    sound = (model.get_encoder()(features).last_hidden_state,)
    given = torch.tensor([writer.prompt], device=features.device).repeat(len(features), 1)
    cache, written = None, []
    ended = torch.zeros(len(features), dtype=torch.bool, device=features.device)
    for place in range(min(most, writer.most)):
        out = model(encoder_outputs=sound, decoder_input_ids=given, past_key_values=cache, use_cache=True)
        cache, logits = out.past_key_values, out.logits[:, -1].clone()
        logits[:, list(writer.unwanted if place else (*writer.unwanted, *writer.not_first))] = -torch.inf
        given = torch.where(ended, writer.end, logits.argmax(-1))[:, None]
        written.append(given)
        ended |= given[:, 0] == writer.end
        if bool(ended.all()):
            break
    rows = torch.cat(written, dim=1).tolist()
    return [row[: row.index(writer.end)] if writer.end in row else row for row in rows]


def stamped(
    model: Any, writer: Writer, features: torch.Tensor, written: Sequence[Sequence[int]]
) -> list[tuple[float, float] | None]:
    """Return begin and end of each written text in seconds, as the model's own tokens of times tell them.

    The model is asked which time stands before and which behind the text that it has written; the text stays. None for
    an empty text, and where the model has no such tokens.
    """
    times: list[tuple[float, float] | None] = [None] * len(written)
    asked = [row for row, tokens in enumerate(written) if tokens]
    if not writer.stamps or not asked:
        return times
    first, count = writer.stamps[0], len(writer.stamps)
    sounds = model.get_encoder()(features[asked]).last_hidden_state
    prompt = list(writer.prompt[:-1])
    for place, row in enumerate(asked):
        sound = (sounds[place : place + 1],)
        begin = _time(model, sound, prompt, first, count, 0)
        end = _time(model, sound, [*prompt, first + begin, *written[row]], first, count, begin)
        times[row] = (begin * STAMP_SECONDS, end * STAMP_SECONDS)
    return times


def _time(model: Any, sound: Any, tokens: Sequence[int], first: int, count: int, least: int) -> int:
    given = torch.tensor([list(tokens)], device=sound[0].device)
    logits = model(encoder_outputs=sound, decoder_input_ids=given, use_cache=False).logits[0, -1, first : first + count]
    return least + int(logits[least:].argmax())
