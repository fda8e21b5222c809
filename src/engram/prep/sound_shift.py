"""A sound that begins a little later or earlier, and is a little faster or slower, anew for each row and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.config.bounds import Bound
from engram.prep.step import Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Options:
    """How far a sound is moved.

    share: of its own length, at most, by which it is moved; what leaves at one end is lost, and silence comes in at the
        other.
    speed: how much faster or slower it is at most, as a share: 0.1 lies between 0.9 and 1.1 times its speed, and its
        pitch goes with it.
    """

    share: float = 0.1
    speed: float = 0.0


def sound_shift(shown: NDArray[np.float32], options: Options, random: np.random.Generator) -> NDArray[np.float32]:
    """Return the samples at another speed, then moved; the number of samples changes with the speed alone.

    >>> import numpy as np
    >>> moved = sound_shift(np.ones(10, dtype=np.float32), Options(share=0.3), np.random.default_rng(1))
    >>> len(moved), set(moved.tolist()) <= {0.0, 1.0}
    (10, True)
    """
    import numpy as np

    speed = 1.0 + random.uniform(-options.speed, options.speed) if options.speed else 1.0
    most = int(options.share * len(shown))
    by = int(random.integers(-most, most + 1)) if most else 0
    if options.speed and len(shown) > 1:
        places = np.arange(max(1, round(len(shown) / speed))) * speed
        shown = np.interp(places, np.arange(len(shown)), shown).astype(np.float32)
    if not by:
        return shown
    moved = np.zeros_like(shown)
    if by > 0:
        moved[by:] = shown[:-by]
    else:
        moved[:by] = shown[-by:]
    return moved


STEP = Step(
    "sound_shift",
    "1",
    sound_shift,
    on="samples",
    options=Options,
    bounds={"share": Bound(0, 0.5), "speed": Bound(0, 0.5)},
    takes="sound",
)
