"""The task classify: what a model answers to a batch, its loss and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from engram.data import sound
from engram.data.attached import asked_file
from engram.errors import UsageError
from engram.kinds.audio.examples import MASKED, Examples, collate, frames_of, scoring_order
from engram.kinds.audio.features import pooled
from engram.kinds.audio.load import Loaded
from engram.kinds.audio.reading import FRAMES_A_SECOND
from engram.schema.options import Options
from engram.train.classifying import Classifier, ranked


def apply(model: Any, batch: Mapping[str, torch.Tensor], read: Callable[[Any], torch.Tensor], **more: Any) -> Any:
    """Return what `read` takes of the model's outputs for the rows of a batch, in their order.

    Rows whose widths disturb each other go through the model apart, those of one width together.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    name, inputs = inner.main_input_name, batch["inputs"]
    if "mask" in batch:
        return read(model(**{name: inputs}, attention_mask=batch["mask"], **more))
    if "widths" not in batch:
        return read(model(**{name: inputs}, **more))
    parts, order = [], []
    for width in torch.unique(batch["widths"]).tolist():
        rows = torch.nonzero(batch["widths"] == width).flatten()
        parts.append(read(model(**{name: inputs[rows, :width]}, **more)))
        order.append(rows)
    return torch.cat(parts)[torch.argsort(torch.cat(order))]


def logits(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what a model makes of a batch: (rows, labels)."""
    found: torch.Tensor = apply(model, batch, lambda out: out.logits)
    return found


def features(loaded: Loaded, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what the linear probe reads of a batch, shape (rows, 2 × width)."""
    found: torch.Tensor = apply(loaded.model, batch, partial(pooled, loaded, batch), output_hidden_states=True)
    return found


CLASSIFIER = Classifier(scoring_order, collate, logits, features)
loss, predict, score = CLASSIFIER.loss, CLASSIFIER.predict, CLASSIFIER.score
baselines = CLASSIFIER.baselines


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer sounds, each a ``data:`` URL, with their label and the probability of each label.

    Raises UsageError for what is no sound file, and where there are options for a sound that is too long: a model never
    answers a part of the question.
    """
    reads, lengths = [], []
    for place, given in enumerate(inputs):
        content = asked_file(given)
        try:
            frames = frames_of(sound.check(content)["seconds"])
        except ValueError as error:
            raise UsageError(f"The input can't be heard: {error}.", remedy=f"Send {sound.KNOWN}.") from None
        if options is not None:
            _check_length(frames, loaded.max_length, options[place])
        reads.append(partial(bytes, content))
        lengths.append(min(frames, loaded.max_length))
    return ranked(score(loaded, Examples(reads, [MASKED] * len(reads), lengths)), loaded.labels)


def _check_length(frames: int, room: int, options: Options) -> None:
    most = min(room, options.max_input_tokens or room)
    if frames > most:
        raise UsageError(
            f"The sound has {frames / FRAMES_A_SECOND:.2f} s; at most {most / FRAMES_A_SECOND:.2f} s are heard here.",
            remedy="Cut it; nothing was left out.",
        )
