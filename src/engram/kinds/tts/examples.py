"""Rows to batches: texts spelt, recordings turned into frames when they are needed, and both padded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from engram.data.rows import FileRow
from engram.data.sound import decode
from engram.kinds.tts.judge import find_judge
from engram.kinds.tts.load import Loaded, longest_frames, open_processor
from engram.kinds.tts.sounds import Frames, Samples, as_heard, mel
from engram.kinds.tts.source import find_folder
from engram.kinds.tts.texts import normalised
from engram.schema.recipe import Recipe
from engram.train.batches import order_for_scoring

# Frames that are kept, of the rows read last: 100 MB at 80 bins. A larger set is decoded anew in each epoch.
KEPT_FRAMES = 320_000
# Frames in a batch of evaluation, padding included: 32 s of sound.
SCORING_FRAMES = 2_000
LEAST_SECONDS = 0.05

Read = Callable[[], bytes]


@dataclass
class Seen:
    """The spectrograms that were made last, as far as they fit."""

    kept: OrderedDict[int, Frames] = field(default_factory=OrderedDict)
    frames: int = 0

    def get(self, row: int, make: Callable[[], Frames]) -> Frames:
        """Return a row's frames."""
        found = self.kept.get(row)
        if found is None:
            found = make()
            self.kept[row] = found
            self.frames += len(found)
            while self.frames > KEPT_FRAMES and len(self.kept) > 1:
                self.frames -= len(self.kept.popitem(last=False)[1])
        return found


@dataclass(frozen=True)
class Examples:
    """Texts with their recordings, which are not decoded yet.

    texts: as they are spoken. pieces: their characters' numbers. voices: index of who speaks. lengths: frames of each
    recording, as far as it is read.
    """

    texts: Sequence[str]
    pieces: Sequence[Sequence[int]]
    voices: Sequence[int]
    reads: Sequence[Read]
    lengths: Sequence[int]
    seen: Seen = field(default_factory=Seen)


def prepare(loaded: Loaded, rows: Iterable[FileRow]) -> Examples:
    """Return rows as examples; nothing is decoded, their length stands in the row."""
    found = list(rows)
    texts = [normalised(row.beside["text"]).text for row in found]
    lengths = [min(_frames(loaded, row.file.facts["seconds"]), loaded.max_length) for row in found]
    voices = [max(row.label, 0) for row in found]
    return Examples(texts, [spell(loaded, text) for text in texts], voices, [row.file.read for row in found], lengths)


def spell(loaded: Loaded, text: str) -> list[int]:
    """Return the numbers of a normalised text's characters, with that of its end."""
    found: list[int] = loaded.processor.tokenizer(text)["input_ids"]
    return found


def examine(recipe: Recipe, parts: Iterable[Sequence[FileRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: shares of sound and of text that are left out, and rows that teach nothing.

    Raises NotFound or Refused for a judge that can't be asked: that is to be known before anything is trained.
    """
    from transformers import AutoConfig

    find_judge(recipe)
    folder = find_folder(recipe.model)
    config, reader = AutoConfig.from_pretrained(folder), open_processor(folder).feature_extractor
    longest = longest_frames(recipe, config) * reader.sample_stride / reader.sampling_rate
    total = lost = 0.0
    characters = dropped = short = long = silent = 0
    for rows in parts:
        for row in rows:
            seconds, said = row.file.facts["seconds"], normalised(row.beside["text"])
            total, lost = total + seconds, lost + max(0.0, seconds - longest)
            characters, dropped = characters + said.whole, dropped + said.dropped
            short += seconds < LEAST_SECONDS
            long += len(said.text) + 2 > config.max_text_positions
            silent += not said.text or (bool(labels) and not 0 <= row.label < len(labels))
    return {
        "lost_seconds_rate": lost / total if total else 0.0,
        "lost_characters_rate": dropped / characters if characters else 0.0,
        "too_short_rows": float(short),
        "too_long_texts": float(long),
        "untrainable_rows": float(silent),
    }


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return rows as a batch.

    ``input_ids`` and ``attention_mask`` (rows, characters); ``targets`` (rows, frames, bins) and ``frames`` (rows,),
    how many of them are a row's own; ``decoder_input_values`` (rows, steps, bins), what the decoder is shown of them,
    and ``decoder_attention_mask`` (rows, steps); ``speaker_embeddings`` (rows, width), a 1 at the place of who speaks.
    """
    device, config = next(loaded.model.parameters()).device, loaded.inner.config
    step, bins = int(config.reduction_factor), int(config.num_mel_bins)
    shown = [frames_of(loaded, examples, row) for row in rows]
    counts = np.array([len(one) for one in shown], dtype=np.int64)
    wide, letters = int(counts.max()), max(len(examples.pieces[row]) for row in rows)
    targets = np.zeros((len(rows), wide, bins), dtype=np.float32)
    pieces = np.full((len(rows), letters), loaded.processor.tokenizer.pad_token_id, dtype=np.int64)
    for place, (row, one) in enumerate(zip(rows, shown, strict=True)):
        targets[place, : len(one)] = one
        pieces[place, : len(examples.pieces[row])] = examples.pieces[row]
    thin = targets[:, step - 1 :: step]
    before = np.concatenate([np.zeros_like(thin[:, :1]), thin[:, :-1]], axis=1)
    spelt = np.array([len(examples.pieces[row]) for row in rows])
    arrays = {
        "input_ids": pieces,
        "attention_mask": (np.arange(letters)[None] < spelt[:, None]).astype(np.int64),
        "targets": targets,
        "frames": counts,
        "decoder_input_values": before,
        "decoder_attention_mask": (np.arange(thin.shape[1])[None] < counts[:, None] // step).astype(np.int64),
        "speaker_embeddings": np.stack([voice_of(loaded, examples.voices[row]) for row in rows]),
    }
    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in arrays.items()}


def voice_of(loaded: Loaded, voice: int) -> Frames:
    """Return the vector of a voice: a 1 at its place, which picks a learned row of the layer behind it."""
    found = np.zeros(int(loaded.inner.config.speaker_embedding_dim), dtype=np.float32)
    found[voice] = 1.0
    return found


def frames_of(loaded: Loaded, examples: Examples, row: int) -> Frames:
    """Return the spectrogram of a row in whole steps of the decoder, shape (frames, bins)."""

    def make() -> Frames:
        step = int(loaded.inner.config.reduction_factor)
        made = mel(loaded.reader, recording(loaded, examples, row))[: loaded.max_length]
        made = made if len(made) >= step else np.repeat(made[:1], step, axis=0)
        return made[: len(made) // step * step]

    return examples.seen.get(row, make)


def recording(loaded: Loaded, examples: Examples, row: int) -> Samples:
    """Return a row's recording at the model's rate, as far as it is read."""
    return as_heard(decode(examples.reads[row](), loaded.rate, loaded.max_length * loaded.hop))


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all rows in batches for evaluation, longest first."""
    for rows in scoring_order(examples):
        yield collate(loaded, examples, rows)


def scoring_order(examples: Examples) -> list[list[int]]:
    """Return the rows of each batch of evaluation."""
    return order_for_scoring(list(examples.lengths), SCORING_FRAMES)


def _frames(loaded: Loaded, seconds: float) -> int:
    return 1 + int(seconds * loaded.rate) // loaded.hop
