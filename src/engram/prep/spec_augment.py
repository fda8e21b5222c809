"""SpecAugment: bands of frequencies and stretches of time are covered, anew for each row and epoch (Park et al. 2019).

It works on features that are spectrograms. A model that reads samples has its own way, which covers its hidden frames
(Baevski et al. 2020): there `times` and `time_share` say how many and how long, and the rest has no meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engram.config.bounds import Bound
from engram.prep.step import Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Options:
    """What is covered. A cover takes the mean of the row's features.

    bands, times: how many bands of frequencies and stretches of time are covered.
    band_share, time_share: the widest of them, as a share of all frequencies, or of the row's length.
    """

    bands: int = 2
    times: int = 2
    band_share: float = 0.15
    time_share: float = 0.1


def spec_augment(shown: NDArray[np.float32], options: Options, random: np.random.Generator) -> NDArray[np.float32]:
    """Return features with covers, shape (frames, frequencies).

    >>> import numpy as np
    >>> out = spec_augment(np.eye(8, dtype=np.float32), Options(time_share=0.5), np.random.default_rng(3))
    >>> out.shape, bool((out != np.eye(8)).any())
    ((8, 8), True)
    """
    import numpy as np

    covered, mean = shown.copy(), shown.mean() if shown.size else np.float32(0)
    frames, bins = shown.shape
    for _ in range(options.bands):
        begin, end = _stretch(bins, options.band_share, random)
        covered[:, begin:end] = mean
    for _ in range(options.times):
        begin, end = _stretch(frames, options.time_share, random)
        covered[begin:end] = mean
    return covered


def cover_inside(config: Any, changes: Iterable[Any], *, samples: bool) -> None:
    """Let a model cover its hidden frames as the step spec_augment says, or not at all, in transformers' configuration.

    Models of sounds bring a setting of their own, which nobody has asked for and which fails for short sounds.
    changes: what the recipe does to features (`engram.prep.plan.changes`). samples: the model reads samples, so that
    there are no features to cover.
    """
    if not hasattr(config, "apply_spec_augment"):
        return
    config.apply_spec_augment = False
    covers = [one for one in (change.keywords["options"] for change in changes) if isinstance(one, Options)]
    if samples and covers:
        config.apply_spec_augment = True
        config.mask_time_length = 2
        config.mask_time_prob = min(0.5, covers[0].times * covers[0].time_share)
        config.mask_time_min_masks = 0
        config.mask_feature_length = max(2, int(covers[0].band_share * config.hidden_size / 2))
        config.mask_feature_prob = min(0.5, covers[0].bands * covers[0].band_share / 2)
        config.mask_feature_min_masks = 0


def _stretch(length: int, share: float, random: np.random.Generator) -> tuple[int, int]:
    wide = int(random.integers(0, int(share * length) + 1))
    begin = int(random.integers(0, length - wide + 1))
    return begin, begin + wide


BOUNDS = {
    "bands": Bound(0, 10), "times": Bound(0, 10), "band_share": Bound(0, 0.5), "time_share": Bound(0, 0.5),
}  # fmt: skip
STEP = Step("spec_augment", "1", spec_augment, on="features", options=Options, bounds=BOUNDS, takes="sound")
