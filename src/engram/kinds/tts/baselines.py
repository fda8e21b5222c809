"""Reference baselines: the untouched model, and the recordings themselves, taken apart and put together again.

A copy says what is lost without any model: by the spectrogram and the vocoder that the model uses, and, where pyworld
is installed (extra `world`), by WORLD (Morise, Yokomori and Ozawa, 2016). No model of these parts can be expected to
come nearer.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

from engram.evaluate.spoken_answers import SpokenAnswers
from engram.kinds.tts.examples import Examples, frames_of, recording
from engram.kinds.tts.load import Loaded
from engram.kinds.tts.model import OnProgress, measured, predict
from engram.kinds.tts.sounds import Samples, as_heard


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: OnProgress | None = None
) -> dict[str, SpokenAnswers]:
    """Answer the test rows by the reference baselines; `loaded` must be untouched. No training row has a part in them.

    ``untouched`` is what a tuned model must beat; ``copy`` and ``world_copy`` are what it is held beside.
    """
    rows = range(len(test.texts))
    made = {"copy": (as_heard(loaded.sound(frames_of(loaded, test, row))) for row in rows)}
    if find_spec("pyworld") is not None:
        made["world_copy"] = (world_copy(recording(loaded, test, row), loaded.rate) for row in rows)
    total = len(rows) * (1 + len(made))

    def report(part: int) -> OnProgress | None:
        return (lambda done, _: on_progress(part * len(rows) + done, total)) if on_progress else None

    found = {"untouched": predict(loaded, test, report(0)).answers}
    for part, (name, sounds) in enumerate(made.items(), 1):
        found[name] = measured(loaded, test, sounds, report(part))
    return found


def world_copy(samples: Samples, rate: int) -> Samples:
    """Return a sound that WORLD analysed (harvest, CheapTrick, D4C) and put together again, of the same length."""
    import pyworld

    given: Any = samples.astype(np.float64)
    pitch, times = pyworld.harvest(given, rate)
    envelope = pyworld.cheaptrick(given, pitch, times, rate)
    noise = pyworld.d4c(given, pitch, times, rate)
    made = np.asarray(pyworld.synthesize(pitch, envelope, noise, rate), dtype=np.float32)[: len(samples)]
    return as_heard(np.pad(made, (0, len(samples) - len(made))))
