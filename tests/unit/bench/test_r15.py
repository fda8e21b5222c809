"""R15 gives a figure only when both sides took the same steps and made the same updates."""

from __future__ import annotations

import pytest
import r15_policy as r15
from race import Lap, RaceFailed


def laps(**changes):
    """Return a lap of each side; changes fall on the library's."""
    same = {"steps": 2048, "updates": 4}
    titles = list(r15.TITLES.values())
    return {titles[0]: [Lap(2.0, 2.0, 0.0, same)], titles[1]: [Lap(1.0, 1.0, 0.0, {**same, **changes})]}


def test_equal_work_is_told_and_the_speed_is_that_of_the_processor():
    assert "2048 steps, 4 epochs" in r15.check_work(laps(), r15.QUICK)[0]
    assert list(r15.speeds(laps()).values()) == [1024.0, 2048.0]


@pytest.mark.parametrize("changes", [{"steps": 1024}, {"updates": 2}])
def test_other_work_gives_no_figure(changes):
    with pytest.raises(RaceFailed, match="NOT EQUAL"):
        r15.check_work(laps(**changes), r15.QUICK)
