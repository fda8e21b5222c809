"""The task classify: what a model answers to a batch, its loss and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from engram.data import sound
from engram.data.attached import asked_file
from engram.errors import UsageError
from engram.evaluate.answers import Answers
from engram.evaluate.predicted import Predicted
from engram.evaluate.reference import probabilities
from engram.kinds.audio.examples import MASKED, Examples, collate, frames_of, scoring_order
from engram.kinds.audio.load import Loaded
from engram.kinds.audio.reading import FRAMES_A_SECOND
from engram.schema.options import Options


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


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the rows that have a target, and their number."""
    logits = apply(model, batch, lambda out: out.logits)
    total = functional.cross_entropy(logits.float(), batch["targets"], ignore_index=MASKED, reduction="sum")
    return total, int((batch["targets"] != MASKED).sum())


def predict(loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None) -> Predicted:
    """Answer every row, in its given order; computed in fp32."""
    logits = score(loaded, examples, on_progress)
    chances = probabilities(logits)
    truth = np.asarray(examples.targets, dtype=np.int64)
    return Predicted(Answers(truth, chances.argmax(axis=1).astype(np.int64), chances, loaded.labels), logits)


def score(
    loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Return the logits of every row in its given order, shape (rows, labels), computed in fp32."""
    loaded.model.eval()
    logits = np.zeros((len(examples.lengths), len(loaded.labels)), dtype=np.float32)
    done = 0
    with torch.inference_mode():
        for rows in scoring_order(loaded, examples):
            found = apply(loaded.model, collate(loaded, examples, rows), lambda out: out.logits)
            logits[rows] = found.float().cpu().numpy()
            done += len(rows)
            if on_progress is not None:
                on_progress(done, len(logits))
    return logits


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
    logits = score(loaded, Examples(reads, [MASKED] * len(reads), lengths))
    answers = []
    for row in probabilities(logits):
        ranked = {loaded.labels[i]: round(float(row[i]), 6) for i in np.argsort(-row)}
        answers.append({"label": loaded.labels[int(row.argmax())], "probabilities": ranked})
    return answers


def _check_length(frames: int, room: int, options: Options) -> None:
    most = min(room, options.max_input_tokens or room)
    if frames > most:
        raise UsageError(
            f"The sound has {frames / FRAMES_A_SECOND:.2f} s; at most {most / FRAMES_A_SECOND:.2f} s are heard here.",
            remedy="Cut it; nothing was left out.",
        )
