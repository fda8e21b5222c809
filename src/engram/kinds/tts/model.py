"""The task speak: what a model is taught by, what it speaks of rows and how that is measured, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from engram.data.attached import to_url
from engram.errors import UnknownName, UsageError
from engram.evaluate.mel_cepstrum import RATE, distance, mel_cepstra
from engram.evaluate.predicted import Predicted
from engram.evaluate.spoken_answers import Heard, SpokenAnswers
from engram.kinds.tts.examples import Examples, collate, frames_of, recording, scoring_order, spell
from engram.kinds.tts.judge import find_judge, hearing
from engram.kinds.tts.load import Loaded
from engram.kinds.tts.sounds import Samples, as_file, as_heard
from engram.kinds.tts.speaking import speak
from engram.kinds.tts.texts import normalised, words
from engram.schema.options import Options

# A row has one last step among many, so its end counts as much as five steps that are none: SpeechT5's own weight.
END_WEIGHT = 5.0
# How many seconds of a row people may listen to: a report is one document, which is sealed.
SHOWN_SECONDS = 2
OnProgress = Callable[[int, int], None]


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the loss summed over the frames of all rows, and their number.

    For each frame: the mean over bins of the absolute error before the post-net and after it, and the cross-entropy of
    whether it is the last one (Shen et al., Natural TTS synthesis by conditioning WaveNet on mel spectrogram
    predictions, 2018; SpeechT5's own, without its guidance of attention).
    """
    given = {name: one for name, one in batch.items() if name not in ("targets", "frames")}
    counts: list[int] = batch["frames"].tolist()
    before, after, ends = model(**given, frames=counts)
    places = torch.arange(before.shape[1], device=before.device)[None]
    own = (places < batch["frames"][:, None]).float()
    last = (places == batch["frames"][:, None] - 1).float()
    wanted = batch["targets"]
    apart = (before.float() - wanted).abs().mean(2) + (after.float() - wanted).abs().mean(2)
    weight = torch.tensor(END_WEIGHT, device=before.device)
    ending = functional.binary_cross_entropy_with_logits(ends.float(), last, pos_weight=weight, reduction="none")
    return ((apart + ending) * own).sum(), sum(counts)


def predict(loaded: Loaded, examples: Examples, on_progress: OnProgress | None = None) -> Predicted:
    """Speak every row and measure it; computed in fp32.

    The logits are the frames that each row's own recording is continued by, one after the other, in the order of rows:
    what an export must repeat without the chance of a step more or less.
    """

    def made() -> Iterable[Samples]:
        for row, pieces in enumerate(examples.pieces):
            frames, _ = speak(loaded, pieces, examples.voices[row])
            yield as_heard(loaded.sound(frames))

    return Predicted(measured(loaded, examples, made(), on_progress), taught(loaded, examples))


def taught(loaded: Loaded, examples: Examples) -> NDArray[np.float32]:
    """Return the frames after each step of the recordings themselves, flat."""
    found: dict[int, NDArray[np.float32]] = {}
    loaded.model.eval()
    with torch.inference_mode():
        for rows in scoring_order(examples):
            batch = collate(loaded, examples, rows)
            given = {name: one for name, one in batch.items() if name not in ("targets", "frames")}
            counts: list[int] = batch["frames"].tolist()
            _, after, _ = loaded.model(**given, frames=counts)
            for place, row in enumerate(rows):
                found[row] = after[place, : counts[place]].float().cpu().numpy().ravel()
    return np.concatenate([found[row] for row in sorted(found)]).astype(np.float32)


def measured(
    loaded: Loaded, examples: Examples, made: Iterable[Samples], on_progress: OnProgress | None = None
) -> SpokenAnswers:
    """Return what was spoken of the rows, in their order, held against the recordings and heard by the judge."""
    judge = find_judge(loaded.recipe)
    distances, seconds, recorded, files = [], [], [], []
    shown: list[Heard] = []
    listened = {0, len(examples.texts) // 2, len(examples.texts) - 1}
    for row, spoken in enumerate(made):
        wanted = recording(loaded, examples, row)
        distances.append(distance(_cepstra(loaded, spoken), _cepstra(loaded, wanted)))
        seconds.append(len(spoken) / loaded.rate)
        recorded.append(len(wanted) / loaded.rate)
        if judge is not None:
            files.append(as_file(spoken, loaded.rate))
        if row in listened:
            copy = as_heard(loaded.sound(frames_of(loaded, examples, row)))
            shown += _shown(loaded, row, reference=wanted, copy=copy, answer=spoken)
        if on_progress is not None:
            on_progress(row + 1, len(examples.texts))
    guesses = None
    if judge is not None:
        with hearing(judge) as hear:
            guesses = tuple(hear(files))
    return SpokenAnswers(
        tuple(words(text) for text in examples.texts),
        np.array(distances, dtype=np.float64),
        np.array(seconds, dtype=np.float64),
        np.array(recorded, dtype=np.float64),
        guesses,
        judge.about if judge else "",
        tuple(shown),
    )


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Speak texts, each a text or ``{"text", "voice"}``; the voice may be left out, and is then the first.

    ``file`` is a WAV as a ``data:`` URL, ``seconds`` how long it is, ``text`` what was spoken, ``dropped`` how many
    characters of what was asked no voice here can say, ``finish_reason`` is ``stop``, or ``length`` for speech that was
    cut off.

    Raises UsageError for what is no text, has nothing to speak or is too long, and for a voice that there is not.
    """
    asked = [_asked(loaded, one, options[place] if options else None) for place, one in enumerate(inputs)]
    answers = []
    for place, (text, dropped, voice) in enumerate(asked):
        most = options[place].max_new_tokens if options else None
        frames, ended = speak(loaded, spell(loaded, text), voice, most)
        samples = as_heard(loaded.sound(frames))
        answers.append(
            {
                "file": to_url(as_file(samples, loaded.rate)),
                "seconds": round(len(samples) / loaded.rate, 3),
                "text": text,
                "dropped": dropped,
                "finish_reason": "stop" if ended else "length",
            }
        )
    return answers


def _asked(loaded: Loaded, given: Any, options: Options | None) -> tuple[str, int, int]:
    """Return the text to speak, how many of its characters were left out, and the index of the voice."""
    voice = loaded.voices[0]
    if isinstance(given, Mapping) and set(given) <= {"text", "voice"} and "text" in given:
        given, voice = given["text"], given.get("voice", voice)
    if not isinstance(given, str):
        raise UsageError(
            f"An input of this task is a text, or an object with text and voice, not {type(given).__name__}.",
            remedy='Write "Good morning." or {"text": "Good morning.", "voice": "…"}.',
        )
    if voice not in loaded.voices:
        raise UnknownName.of("voice", str(voice), loaded.voices)
    said = normalised(given)
    if not said.text:
        raise UsageError("There is nothing to speak in this text.", remedy="Letters a to z and numbers can be spoken.")
    room = int(loaded.inner.config.max_text_positions) - 2
    most = min(room, options.max_input_tokens or room) if options else room
    if len(said.text) > most:
        raise UsageError(
            f"The text has {len(said.text)} characters; at most {most} are spoken at once.",
            remedy="Send its sentences one by one; nothing was left out.",
        )
    return said.text, said.dropped, loaded.voices.index(voice)


def _cepstra(loaded: Loaded, samples: Samples) -> NDArray[np.float64]:
    if loaded.rate != RATE:
        import soxr

        samples = soxr.resample(samples, loaded.rate, RATE, quality="HQ").astype(np.float32)
    return mel_cepstra(samples)


def _shown(loaded: Loaded, row: int, **sounds: Samples) -> list[Heard]:
    most = SHOWN_SECONDS * loaded.rate
    return [Heard(row, what, as_file(samples[:most], loaded.rate, "FLAC")) for what, samples in sounds.items()]
