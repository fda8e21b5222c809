"""What is changed in SpeechT5 so that no row depends on its neighbours, and an answer can be given twice.

Three of its parts are told to work otherwise, by their class; their weights and names stay, so every export is a plain
SpeechT5. What each does instead:

- `Voice` runs its post-net over each row by itself, at the row's own length: its convolutions would read what a
  batch pads. It gives what stands before and after the post-net, and the logits of the end.
- `Prenet` draws its dropout, which in SpeechT5 stays on when a model speaks, for each row by itself while it learns,
  and takes it from one table, drawn once from a seed, when it speaks or is measured: place by place the same.
- `Frozen` normalises by the statistics that the model came with: those of a batch would be its neighbours'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import SpeechT5ForTextToSpeech
from transformers.models.speecht5.modeling_speecht5 import SpeechT5SpeechDecoderPrenet

SEED = 20_261_126
TABLE = 256  # places by which tables grow


class Frozen(nn.BatchNorm1d):
    """Batch normalisation whose statistics nothing changes."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Return what is given, normalised."""
        return functional.batch_norm(given, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class Prenet(SpeechT5SpeechDecoderPrenet):
    """The pre-net of SpeechT5's decoder, its dropout drawn as the module says."""

    def forward(self, input_values: torch.Tensor, speaker_embeddings: torch.Tensor | None = None) -> torch.Tensor:
        """Return the frames as the decoder takes them."""
        self.drawn = masks(
            len(self.layers),
            input_values.shape[1],
            int(self.config.speech_decoder_prenet_units),
            1.0 - self.config.speech_decoder_prenet_dropout,
        )
        found: torch.Tensor = super().forward(input_values, speaker_embeddings)
        return found

    def _consistent_dropout(self, inputs_embeds: torch.Tensor, p: float) -> torch.Tensor:
        if self.training:
            return functional.dropout(inputs_embeds, p, training=True)
        return inputs_embeds * next(self.drawn).to(inputs_embeds) / (1.0 - p)


class Voice(SpeechT5ForTextToSpeech):  # type: ignore[no-untyped-call]
    """SpeechT5 that is taught: texts and frames in, frames before and after the post-net and the end's logits out."""

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        decoder_input_values: torch.Tensor,
        decoder_attention_mask: torch.Tensor,
        speaker_embeddings: torch.Tensor,
        frames: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (rows, frames, bins) twice and (rows, frames); what stands behind a row's own frames means nothing."""
        hidden = self.speecht5(
            input_values=input_ids,
            attention_mask=attention_mask,
            decoder_input_values=decoder_input_values,
            decoder_attention_mask=decoder_attention_mask,
            speaker_embeddings=speaker_embeddings,
            use_cache=False,
            return_dict=True,
        )[0]
        out, rows = self.speech_decoder_postnet, hidden.shape[0]
        before = out.feat_out(hidden).view(rows, -1, self.config.num_mel_bins)
        logits = out.prob_out(hidden).view(rows, -1)
        after = torch.zeros_like(before)
        for row, count in enumerate(frames):
            after[row, :count] = out.postnet(before[row : row + 1, :count])[0]
        return before, after, logits


def masks(layers: int, places: int, units: int, kept: float) -> Iterator[torch.Tensor]:
    """Yield for each layer which units are kept at each place, (places, units): a longer table begins with the shorter.

    >>> one, more = next(masks(1, 2, 3, 0.5)), next(masks(1, 5, 3, 0.5))
    >>> bool((one == more[:2]).all())
    True
    """
    for layer in range(layers):
        yield _table(layer, -(-places // TABLE) * TABLE, units, kept)[:places]


@lru_cache(maxsize=16)
def _table(layer: int, places: int, units: int, kept: float) -> torch.Tensor:
    chance = torch.Generator().manual_seed(SEED + layer)
    with torch.inference_mode(False):  # it outlives whoever asks first
        return (torch.rand(places, units, generator=chance) < kept).float()


_INSTEAD: dict[type, type] = {
    SpeechT5ForTextToSpeech: Voice,
    SpeechT5SpeechDecoderPrenet: Prenet,
    nn.BatchNorm1d: Frozen,
}


def settle(model: Any) -> Any:
    """Change a SpeechT5 as the module says, in place, and return it."""
    for part in model.modules():
        part.__class__ = _INSTEAD.get(type(part), type(part))
    return model


@contextmanager
def as_it_came(model: Any) -> Iterator[None]:
    """Make a settled model plain SpeechT5 again for as long as it is written down."""
    back = {ours: theirs for theirs, ours in _INSTEAD.items()}
    parts = list(model.modules())
    for part in parts:
        part.__class__ = back.get(type(part), type(part))
    try:
        yield
    finally:
        settle(model)
