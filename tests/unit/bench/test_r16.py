"""R16 gives a figure only when both sides learned the same sounds and padding changed no row's loss."""

from __future__ import annotations

import pytest
import r16_sounds as r16
from race import Lap, RaceFailed


def laps(**changes):
    """Return a lap of each side; changes fall on the second's."""
    same = {"rows": 48, "frames": 2_700, "steps": 6, "padded": 3_000, "row_losses": [1.0, 1.1]}
    one, other = r16.TITLES.values()
    return {one: [Lap(2.0, 2.0, 0.0, same)], other: [Lap(2.0, 2.0, 0.0, {**same, **changes})]}


def test_equal_work_is_told_with_what_is_heard_and_what_is_padding():
    found = laps(padded=5_400)
    assert "48 sounds of 54 s in 6 steps" in r16.check_work(found)[0]
    assert list(r16.slots(found).values()) == [pytest.approx(3_000 / 2_700), 2.0]


@pytest.mark.parametrize(
    "changes", [{"rows": 47}, {"frames": 2_600}, {"steps": 7}, {"row_losses": [1.0, 1.1002]}, {"row_losses": [1.0]}]
)
def test_other_work_gives_no_figure(changes):
    with pytest.raises(RaceFailed, match="NOT EQUAL"):
        r16.check_work(laps(**changes))
