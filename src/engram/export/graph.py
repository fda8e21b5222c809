"""A model that was reopened as one graph and is used as the model was: called for logits, asked to generate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engram.errors import UsageError

Run = Callable[[Mapping[str, torch.Tensor]], torch.Tensor]


@dataclass(frozen=True)
class Answer:
    """What a call gives: logits, (rows, labels), (rows, tokens, labels) or (rows, tokens, words), fp32 on the CPU."""

    logits: torch.Tensor


@dataclass(frozen=True)
class Graph:
    """Graph and configuration. It has no state, no gradient and no cache, and works on the CPU.

    run: takes the inputs by name and returns the logits. config: transformers' configuration of the model.
    """

    run: Run
    config: Any

    def __call__(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        decoder_input_ids: torch.Tensor | None = None,
    ) -> Answer:
        """Return the logits of (rows, tokens) ids; a seq2seq model is given what was written so far too."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        given = {"input_ids": input_ids, "attention_mask": mask}
        if decoder_input_ids is not None:
            given["decoder_input_ids"] = decoder_input_ids
        return Answer(self.run({name: value.to("cpu", torch.int64) for name, value in given.items()}))

    def eval(self) -> Graph:
        """Return itself: a graph is never in training."""
        return self

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield one empty tensor that tells where the graph works: the CPU."""
        yield torch.zeros(0)

    def generate(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *,
        max_new_tokens: int = 20,
        eos_token_id: int | Sequence[int] | None = None,
        pad_token_id: int | None = None,
        do_sample: bool = False,
        num_beams: int = 1,
        stopping_criteria: Sequence[Callable[[torch.Tensor, None], torch.Tensor]] = (),
    ) -> torch.Tensor:
        """Continue each row with the likeliest token, as transformers does without sampling, beams or penalties.

        Returns (rows, tokens + new) for a causal model, and (rows, 1 + new) beginning with the decoder's start token
        for a seq2seq one; a row that has ended is filled with the padding token. Prompts may be padded on
        either side. eos_token_id, pad_token_id: None for the configuration's own. stopping_criteria: told all
        tokens after each one, they say which rows have ended. The whole text is read again for each token, because
        the graph keeps no cache.

        Raises UsageError for sampling and beams, and when no padding token is known.
        """
        if do_sample or num_beams != 1:
            raise UsageError(
                "A model opened as one graph takes the likeliest token only: no sampling, no beams.",
                remedy="Open the merged model with transformers for other ways to generate.",
            )
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        ends = _ends(self.config.eos_token_id if eos_token_id is None else eos_token_id)
        pad = _padding(pad_token_id, self.config, ends)
        if getattr(self.config, "is_encoder_decoder", False):
            start = self.config.decoder_start_token_id
            written = torch.full((len(input_ids), 1), pad if start is None else start, dtype=torch.int64)

            def after(text: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
                return self(input_ids, mask, text).logits[:, -1]

            return _continue(after, written, torch.ones_like(written), max_new_tokens, ends, pad, stopping_criteria)

        def next_of(text: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
            return self(text, seen).logits[:, -1]

        return _continue(next_of, *_pad_left(input_ids, mask), max_new_tokens, ends, pad, stopping_criteria)


def _continue(
    after: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    text: torch.Tensor,
    mask: torch.Tensor,
    most: int,
    ends: torch.Tensor,
    pad: int,
    criteria: Sequence[Callable[[torch.Tensor, None], torch.Tensor]],
) -> torch.Tensor:
    going = torch.ones(len(text), dtype=torch.bool)
    for _ in range(most):
        token = torch.where(going, after(text, mask).argmax(dim=-1), pad)
        text, mask = torch.cat([text, token[:, None]], dim=1), torch.cat([mask, going[:, None].to(mask.dtype)], dim=1)
        going &= ~torch.isin(token, ends)
        for ended in criteria:
            going &= ~ended(text, None)
        if not going.any():
            break
    return text


def _pad_left(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move each row's padding to its left, so that the next token stands behind the last real one."""
    width = mask.shape[1]
    behind = mask.flip(1).argmax(dim=1, keepdim=True)
    places = (torch.arange(width)[None, :] - behind) % width
    return ids.gather(1, places), mask.gather(1, places)


def _ends(said: int | Sequence[int] | None) -> torch.Tensor:
    return torch.tensor([] if said is None else [said] if isinstance(said, int) else list(said), dtype=torch.int64)


def _padding(said: int | None, config: Any, ends: torch.Tensor) -> int:
    own = getattr(config, "pad_token_id", None)
    for token in (said, own, *ends.tolist()[:1]):
        if token is not None:
            return int(token)
    raise UsageError("No padding token is known for this model.", remedy="Give pad_token_id.")
