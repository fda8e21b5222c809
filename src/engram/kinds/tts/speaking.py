"""A text spoken step by step: each step is shown what was said before, until the model says that it is done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engram.kinds.tts.examples import voice_of
from engram.kinds.tts.load import Loaded
from engram.kinds.tts.sounds import Frames

ENDS_AT = 0.5  # SpeechT5's own threshold: the chance that a step is the last one
FRAMES_A_CHARACTER = 20  # and its own bound on how long a text can take


def speak(loaded: Loaded, pieces: Sequence[int], voice: int, most: int | None = None) -> tuple[Frames, bool]:
    """Return the frames of one text and whether the model ended them itself; the same each time.

    pieces: the numbers of its characters. most: the most frames, never more than the model's own bound.
    """
    model, step = loaded.inner, int(loaded.inner.config.reduction_factor)
    bound = min(loaded.max_length, FRAMES_A_CHARACTER * len(pieces), most or loaded.max_length)
    device = next(model.parameters()).device
    asked = torch.tensor([list(pieces)], device=device)
    who = torch.from_numpy(voice_of(loaded, voice))[None].to(device)
    heard = torch.ones_like(asked)
    out, decoder, bins = model.speech_decoder_postnet, model.speecht5.decoder, int(model.config.num_mel_bins)
    kept: list[torch.Tensor] = []
    ended, past = False, None
    model.eval()
    with torch.inference_mode():
        read = model.speecht5.encoder(input_values=asked, attention_mask=heard, return_dict=True).last_hidden_state
        shown = read.new_zeros(1, 1, bins)
        while not ended and len(kept) < max(1, bound // step):
            entered = decoder.prenet(shown, who)[:, -1:]
            said = decoder.wrapped_decoder(
                hidden_states=entered,
                attention_mask=None,
                encoder_hidden_states=read,
                encoder_attention_mask=heard,
                past_key_values=past,
                use_cache=True,
                return_dict=True,
            )
            past, hidden = said.past_key_values, said.last_hidden_state[:, 0]
            made = out.feat_out(hidden).view(1, step, bins)
            kept.append(made)
            shown = torch.cat([shown, made[:, -1:]], dim=1)
            ended = bool(torch.sigmoid(out.prob_out(hidden)).sum() >= ENDS_AT)
        frames = out.postnet(torch.cat(kept, dim=1))[0]
    return np.asarray(frames.float().cpu().numpy(), dtype=np.float32), ended
