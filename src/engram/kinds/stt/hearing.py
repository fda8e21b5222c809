"""Transcribing: recordings of any length to texts, with their places in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.kinds.stt.examples import Examples, scoring_order, stack, whole
from engram.kinds.stt.load import Loaded
from engram.kinds.stt.model import frame_logits
from engram.kinds.stt.reading import FRAMES_A_SECOND
from engram.kinds.stt.spelling import Speller
from engram.kinds.stt.windows import Window, join_texts, windows_of
from engram.kinds.stt.writing import Writer, stamped, write

PAUSE_SECONDS = 0.6  # of silence between two words, which part two segments

Progress = Callable[[int, int], None]
Place = dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """What was heard in one recording. segments: each with ``start`` and ``end`` in seconds, and ``text``. words: the
    same of each ``word``; None of a model that does not tell. chances: of a model that spells, the log-probability of
    the likeliest character of each frame.
    """

    text: str
    segments: list[Place]
    words: list[Place] | None
    chances: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


@dataclass(frozen=True)
class _Piece:
    """What one window gives: characters of its frames with their chances, or a text with its times."""

    window: Window
    frames: NDArray[np.int64]
    chances: NDArray[np.float32]
    text: str = ""
    times: tuple[float, float] | None = None


def hear(
    loaded: Loaded,
    examples: Examples,
    on_progress: Progress | None = None,
    *,
    most_tokens: int | None = None,
    timed: bool = False,
) -> list[Heard]:
    """Transcribe recordings, in their order, in fp32; each is the same one by one as together.

    most_tokens: of one window of a model that writes. timed: ask such a model for the times of its texts as well.
    """
    loaded.model.eval()
    rate = loaded.reading.rate
    most = loaded.max_length * rate // FRAMES_A_SECOND
    windows = [
        window
        for row, samples in enumerate(examples.samples)
        for window in windows_of(row, samples, most, loaded.reading.step)
    ]
    lengths = [max(1, (one.stop - one.start) * FRAMES_A_SECOND // rate) for one in windows]
    found: dict[int, _Piece] = {}
    with torch.inference_mode():
        for places in scoring_order(loaded, lengths):
            chosen = [windows[place] for place in places]
            shown = [whole(loaded, examples, one.row)[one.start : one.stop] for one in chosen]
            pieces = (
                _written(loaded, chosen, shown, most_tokens, timed)
                if isinstance(loaded.script, Writer)
                else _spelt(loaded, chosen, shown)
            )
            found |= zip(places, pieces, strict=True)
            if on_progress is not None:
                on_progress(len(found), len(windows))
    by_row: list[list[_Piece]] = [[] for _ in examples.samples]
    for place in range(len(windows)):
        by_row[windows[place].row].append(found[place])
    join = _join_written if isinstance(loaded.script, Writer) else _join_spelt
    return [join(loaded, pieces) for pieces in by_row]


def _spelt(loaded: Loaded, windows: Sequence[Window], shown: Sequence[Any]) -> list[_Piece]:
    reading = loaded.reading
    batch = stack(loaded, shown, [reading.features(one) for one in shown], [[]] * len(shown))
    chances, likeliest = frame_logits(loaded.model, batch).float().log_softmax(-1).max(-1)
    pieces = []
    for row, (window, count) in enumerate(zip(windows, batch["frames"].tolist(), strict=True)):
        begin = window.left // reading.step
        # The last window answers to its end, the others up to where the next one begins to answer.
        end = (window.stop - window.start - window.right) // reading.step if window.right else count
        own = slice(begin, min(end, count))
        pieces.append(_Piece(window, likeliest[row, own].cpu().numpy(), chances[row, own].cpu().numpy()))
    return pieces


def _join_spelt(loaded: Loaded, pieces: Sequence[_Piece]) -> Heard:
    if not isinstance(loaded.script, Speller):
        raise TypeError("Frames are spelt by a model that spells.")
    second = loaded.reading.step / loaded.reading.rate
    frames = np.concatenate([one.frames for one in pieces])
    words: list[Place] = [
        {"word": word, "start": round(begin * second, 2), "end": round(end * second, 2)}
        for word, begin, end in loaded.script.words(frames.tolist())
    ]
    segments: list[Place] = []
    for one in words:
        if segments and one["start"] - segments[-1]["end"] < PAUSE_SECONDS:
            segments[-1] |= {"end": one["end"], "text": f"{segments[-1]['text']} {one['word']}"}
        else:
            segments.append({"start": one["start"], "end": one["end"], "text": one["word"]})
    text = " ".join(one["word"] for one in words)
    return Heard(text, segments, words, np.concatenate([one.chances for one in pieces]))


def _written(
    loaded: Loaded, windows: Sequence[Window], shown: Sequence[Any], most: int | None, timed: bool
) -> list[_Piece]:
    writer = loaded.script
    if not isinstance(writer, Writer):
        raise TypeError("Tokens are written by a model that writes.")
    features = stack(loaded, shown, [loaded.reading.features(one) for one in shown], [[]] * len(shown))["inputs"]
    tokens = write(loaded.inner, writer, features, writer.most if most is None else most)
    times = stamped(loaded.inner, writer, features, tokens) if timed else [None] * len(tokens)
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return [_Piece(w, *nothing, writer.read(t), at) for w, t, at in zip(windows, tokens, times, strict=True)]


def _join_written(loaded: Loaded, pieces: Sequence[_Piece]) -> Heard:
    rate = loaded.reading.rate
    texts = join_texts([one.text for one in pieces])
    segments: list[Place] = []
    for text, one in zip(texts, pieces, strict=True):
        if not text:
            continue
        begin, end = one.window.start / rate, one.window.stop / rate
        if one.times is not None:
            begin, end = begin + min(one.times[0], end - begin), min(end, begin + one.times[1])
        begin = max(begin, segments[-1]["end"]) if segments else begin  # windows overlap; segments don't
        segments.append({"start": round(begin, 2), "end": round(max(begin, end), 2), "text": text})
    return Heard(" ".join(text for text in texts if text), segments, None)
