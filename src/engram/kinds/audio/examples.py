"""Rows to batches: sounds decoded when they are needed, changed where they are training rows, and padded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from engram.data.decoded import Decoded, Read
from engram.data.rows import FileRow
from engram.kinds.audio.load import Loaded
from engram.kinds.audio.reading import FRAMES_A_SECOND, Samples, open_reading
from engram.kinds.audio.source import find_folder
from engram.prep.plan import changes, row_random
from engram.schema.recipe import Recipe
from engram.train.batches import order_for_scoring

MASKED = -100
# Frames of 20 ms in a batch of evaluation, padding included: 40 s of sound.
SCORING_FRAMES = 2048


@dataclass(frozen=True)
class Examples:
    """Sounds, not decoded yet. targets: label index of each row, MASKED where there is none to learn from.

    lengths: frames of 20 ms of each row, as far as it is read.
    """

    reads: Sequence[Read]
    targets: Sequence[int]
    lengths: Sequence[int]
    decoded: Decoded = field(default_factory=Decoded)


def frames_of(seconds: float) -> int:
    """Return how many frames of 20 ms a sound has.

    >>> frames_of(0.021), frames_of(1.0)
    (2, 50)
    """
    return max(1, -int(-seconds * FRAMES_A_SECOND // 1))


def prepare(loaded: Loaded, rows: Iterable[FileRow]) -> Examples:
    """Return rows as examples; nothing is decoded, their length stands in the row."""
    found, classes = list(rows), len(loaded.labels)
    lengths = [min(frames_of(row.file.facts["seconds"]), loaded.max_length) for row in found]
    targets = [row.label if 0 <= row.label < classes else MASKED for row in found]
    return Examples([row.file.read for row in found], targets, lengths)


def examine(recipe: Recipe, parts: Iterable[Sequence[FileRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: the share of sound that is cut off, rows too short or without a class."""
    reading = open_reading(find_folder(recipe.model))
    longest = reading.longest(recipe.train.max_seq_length) / FRAMES_A_SECOND
    total = lost = 0.0
    short = untrainable = 0
    for rows in parts:
        for row in rows:
            seconds = row.file.facts["seconds"]
            total, lost = total + seconds, lost + max(0.0, seconds - longest)
            short += round(seconds * reading.rate) < reading.least
            untrainable += not 0 <= row.label < len(labels)
    return {
        "lost_seconds_rate": lost / total if total else 0.0,
        "too_short_rows": float(short),
        "untrainable_rows": float(untrainable),
    }


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return rows as a batch: ``inputs`` (rows, samples) or (rows, frames, frequencies), ``targets`` (rows,).

    ``mask`` (rows, width) stands with them where the model heeds it, ``widths`` (rows,) where it can't and takes any.
    """
    return stack(loaded, examples, rows, [loaded.reading.features(samples_of(loaded, examples, row)) for row in rows])


def vary(loaded: Loaded, examples: Examples, rows: Sequence[int], epoch: int) -> dict[str, torch.Tensor]:
    """Return training rows as a batch, each changed as the prep steps say, by its own draw for this epoch."""
    recipe, rate = loaded.recipe, loaded.reading.rate
    on_samples, on_features = changes(recipe.prep, "samples"), changes(recipe.prep, "features")
    found = []
    for row in rows:
        random = row_random(recipe.train.seed, epoch, row)
        samples = samples_of(loaded, examples, row)
        for change in on_samples:
            samples = change(samples, random=random)
        features = loaded.reading.features(samples[: loaded.max_length * rate // FRAMES_A_SECOND])
        for change in () if loaded.reading.raw else on_features:
            features = change(features, random=random)
        found.append(features)
    return stack(loaded, examples, rows, found)


def samples_of(loaded: Loaded, examples: Examples, row: int) -> Samples:
    """Return what is read of a row: its samples at the model's rate, as far as it may be long."""
    rate = loaded.reading.rate
    most = loaded.max_length * rate // FRAMES_A_SECOND
    return examples.decoded.get(row, examples.reads[row], rate, most)


def stack(
    loaded: Loaded, examples: Examples, rows: Sequence[int], features: Sequence[NDArray[np.float32]]
) -> dict[str, torch.Tensor]:
    """Pad features with zeros to the longest of them."""
    device, reading = next(loaded.model.parameters()).device, loaded.reading
    widths = np.array([len(one) for one in features], dtype=np.int64)
    inputs = np.zeros((len(features), int(widths.max(initial=1)), *features[0].shape[1:]), dtype=np.float32)
    for place, one in enumerate(features):
        inputs[place, : len(one)] = one
    if reading.upright:
        inputs = np.ascontiguousarray(inputs.transpose(0, 2, 1))
    arrays = {"inputs": inputs, "targets": np.array([examples.targets[row] for row in rows], dtype=np.int64)}
    if reading.masked:
        arrays["mask"] = (np.arange(inputs.shape[1])[None, :] < widths[:, None]).astype(np.int64)
    elif not reading.fixed:
        arrays["widths"] = widths
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all rows in batches for evaluation, longest first."""
    for rows in scoring_order(loaded, examples):
        yield collate(loaded, examples, rows)


def scoring_order(loaded: Loaded, examples: Examples) -> list[list[int]]:
    """Return the rows of each batch of evaluation; a model of one length takes that length for each row."""
    fixed = loaded.reading.fixed
    return order_for_scoring([fixed or length for length in examples.lengths], SCORING_FRAMES)
