"""White noise beside a sound, at a signal-to-noise ratio that is drawn anew for each row and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.config.bounds import SHARE, Bound
from engram.prep.step import Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SILENT = 1e-12


@dataclass(frozen=True)
class Options:
    """How much noise there is.

    share: of the rows that get noise in an epoch.
    least_db, most_db: the signal-to-noise ratio in decibels lies between these.
    """

    share: float = 0.5
    least_db: float = 10.0
    most_db: float = 30.0


def sound_noise(shown: NDArray[np.float32], options: Options, random: np.random.Generator) -> NDArray[np.float32]:
    """Return the samples with noise, or as they are.

    >>> import numpy as np
    >>> quiet = np.zeros(4, dtype=np.float32)
    >>> bool((sound_noise(quiet, Options(share=1.0), np.random.default_rng(0)) == quiet).all())
    True
    """
    import numpy as np

    if random.random() >= options.share:
        return shown
    power = float(np.mean(shown.astype(np.float64) ** 2)) if len(shown) else 0.0
    if power < SILENT:
        return shown
    level = np.sqrt(power) * 10.0 ** (-random.uniform(options.least_db, options.most_db) / 20.0)
    noise: NDArray[np.float32] = (level * random.standard_normal(len(shown))).astype(np.float32)
    return np.add(shown, noise, dtype=np.float32)


def _fault(options: Options) -> str:
    return "" if options.least_db <= options.most_db else "least_db is more than most_db."


BOUNDS = {"share": SHARE, "least_db": Bound(-20, 100), "most_db": Bound(-20, 100)}
STEP = Step("sound_noise", "1", sound_noise, on="samples", options=Options, bounds=BOUNDS, fault=_fault, takes="sound")
