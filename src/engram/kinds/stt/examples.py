"""Rows to batches: recordings decoded when they are needed, changed where they are training rows, and padded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from engram.data.decoded import Decoded, Read
from engram.data.rows import FileRow
from engram.kinds.stt.load import Loaded, device_of, open_script
from engram.kinds.stt.reading import FRAMES_A_SECOND, Reading, Samples
from engram.kinds.stt.source import find_folder
from engram.kinds.stt.spelling import Speller
from engram.kinds.stt.writing import Writer
from engram.prep.plan import changes, row_random
from engram.schema.recipe import Recipe
from engram.train.batches import order_for_scoring

MASKED = -100
# Frames of 20 ms in a batch of evaluation, padding included: 40 s of sound.
SCORING_FRAMES = 2048


@dataclass(frozen=True)
class Examples:
    """Recordings, not decoded yet. texts: what is said in each. targets: its characters or tokens; empty where there
    is nothing to learn from.

    samples: of each row at the model's rate. lengths: frames of 20 ms of each row, as far as it is read at once.
    """

    reads: Sequence[Read]
    texts: Sequence[str]
    targets: Sequence[Sequence[int]]
    samples: Sequence[int]
    lengths: Sequence[int]
    decoded: Decoded = field(default_factory=Decoded)


def frames_of(seconds: float) -> int:
    """Return the length of a recording: frames of 20 ms, at least one.

    >>> frames_of(0.001), frames_of(1.0)
    (1, 50)
    """
    return max(1, -int(-seconds * FRAMES_A_SECOND // 1))


def targets_of(reading: Reading, script: Speller | Writer, text: str, samples: int, most: int) -> tuple[list[int], int]:
    """Return the targets of a text, and how many of its letters are lost.

    Nothing where a recording has no targets, is longer than `most` frames, or too short for so many.
    """
    if isinstance(script, Writer):
        found, lost = script.tokens(text), 0
        fits = len(found) <= script.most
    else:
        found, lost = script.spell(text)
        fits = script.needs(found) <= reading.frames(samples)
    fits = fits and frames_of(samples / reading.rate) <= most
    return (found if fits else []), lost


def prepare(loaded: Loaded, rows: Iterable[FileRow]) -> Examples:
    """Return rows as examples; nothing is decoded, their length stands in the row."""
    found, rate = list(rows), loaded.reading.rate
    texts = [row.beside["text"] for row in found]
    samples = [max(1, round(row.file.facts["seconds"] * rate)) for row in found]
    lengths = [min(frames_of(count / rate), loaded.max_length) for count in samples]
    targets = [
        targets_of(loaded.reading, loaded.script, text, count, loaded.max_length)[0]
        for text, count in zip(texts, samples, strict=True)
    ]
    return Examples([row.file.read for row in found], texts, targets, samples, lengths)


def examine(recipe: Recipe, parts: Iterable[Sequence[FileRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: letters that the model has not, rows that are too long, and untrainable ones.

    A row is too long when it is longer than is read at once: its text could not be cut with the sound. A row is
    untrainable when its text has no characters, or more than the model has frames or places for. No labels.
    """
    reading, script = open_script(find_folder(recipe.model), recipe)
    most = reading.longest(recipe.train.max_seq_length)
    letters = lost = long = untrainable = 0
    for row in (row for rows in parts for row in rows):
        text, samples = row.beside["text"], max(1, round(row.file.facts["seconds"] * reading.rate))
        found, missed = targets_of(reading, script, text, samples, most)
        letters, lost = letters + sum(one.isalnum() for one in text), lost + missed
        too_long = frames_of(samples / reading.rate) > most
        long, untrainable = long + too_long, untrainable + (not found and not too_long)
    return {
        "lost_letters_rate": lost / letters if letters else 0.0,
        "too_long_rows": float(long),
        "untrainable_rows": float(untrainable),
    }


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return rows as a batch: ``inputs`` (rows, …) and ``targets`` (rows, longest), filled up with MASKED.

    For a model that spells ``frames`` (rows,) of its answer; with them ``mask`` (rows, width) where the model heeds it,
    ``widths`` (rows,) where it can't and takes any. For one that writes ``written`` (rows, tokens): what its decoder
    reads.
    """
    most = loaded.max_length * loaded.reading.rate // FRAMES_A_SECOND
    shown = [whole(loaded, examples, row)[:most] for row in rows]
    return stack(
        loaded, shown, [loaded.reading.features(one) for one in shown], [examples.targets[row] for row in rows]
    )


def vary(loaded: Loaded, examples: Examples, rows: Sequence[int], epoch: int) -> dict[str, torch.Tensor]:
    """Return training rows as a batch, each changed as the prep steps say, by its own draw for this epoch.

    A change that would make a recording too long to be read, or too short for its text, is not made.
    """
    recipe, reading = loaded.recipe, loaded.reading
    on_samples, on_features = changes(recipe.prep, "samples"), changes(recipe.prep, "features")
    shown, features = [], []
    for row in rows:
        random, targets = row_random(recipe.train.seed, epoch, row), examples.targets[row]
        samples = changed = whole(loaded, examples, row)
        for change in on_samples:
            changed = change(changed, random=random)
        readable = frames_of(len(changed) / reading.rate) <= loaded.max_length and (
            isinstance(loaded.script, Writer) or loaded.script.needs(targets) <= reading.frames(len(changed))
        )
        shown.append(changed if readable else samples[: loaded.max_length * reading.rate // FRAMES_A_SECOND])
        found = reading.features(shown[-1])
        if not reading.raw:
            found = _unstacked(reading, found)
            for change in on_features:
                found = change(found, random=random)
            found = _stacked(reading, found)
        features.append(found)
    return stack(loaded, shown, features, [examples.targets[row] for row in rows])


def whole(loaded: Loaded, examples: Examples, row: int) -> Samples:
    """Return all samples of a row at the model's rate."""
    return examples.decoded.get(row, examples.reads[row], loaded.reading.rate)


def stack(
    loaded: Loaded,
    samples: Sequence[Samples],
    features: Sequence[NDArray[np.float32]],
    targets: Sequence[Sequence[int]],
) -> dict[str, torch.Tensor]:
    """Pad features with zeros to the longest of them, and targets with MASKED."""
    reading, script = loaded.reading, loaded.script
    ended = [[*one, script.end] if isinstance(script, Writer) and one else list(one) for one in targets]
    arrays: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {"targets": _padded(ended, MASKED)}
    if isinstance(script, Writer):
        arrays["inputs"] = np.stack(features)
        arrays["written"] = _padded([[*script.prompt, *one[:-1]] for one in ended], script.end)
    else:
        widths = np.array([len(one) for one in features], dtype=np.int64)
        inputs = np.zeros((len(features), int(widths.max(initial=1)), *features[0].shape[1:]), dtype=np.float32)
        for place, one in enumerate(features):
            inputs[place, : len(one)] = one
        arrays |= {"inputs": inputs, "frames": np.array([reading.frames(len(one)) for one in samples], dtype=np.int64)}
        if reading.masked:
            arrays["mask"] = (np.arange(inputs.shape[1])[None, :] < widths[:, None]).astype(np.int64)
        else:
            arrays["widths"] = widths
    device = device_of(loaded.model)
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all rows in batches for a validation, longest first."""
    for rows in scoring_order(loaded, examples.lengths):
        yield collate(loaded, examples, rows)


def scoring_order(loaded: Loaded, lengths: Sequence[int]) -> list[list[int]]:
    """Return the rows of each batch of evaluation; a model of one length takes that length for each row."""
    fixed = loaded.reading.fixed
    return order_for_scoring([fixed or length for length in lengths], SCORING_FRAMES)


def _padded(rows: Sequence[Sequence[int]], fill: int) -> NDArray[np.int64]:
    array = np.full((len(rows), max(1, max(map(len, rows)))), fill, dtype=np.int64)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array


def _unstacked(reading: Reading, features: Samples) -> Samples:
    """Return features as a spectrogram, (frames, bands)."""
    if reading.writes:
        return features.T
    return features.reshape(len(features) * reading.stacked, -1)


def _stacked(reading: Reading, spectrogram: Samples) -> Samples:
    if reading.writes:
        return np.ascontiguousarray(spectrogram.T)
    return spectrogram.reshape(len(spectrogram) // reading.stacked, -1)
