"""Numbers are rounded with care, and scales have round ticks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.pipeline.page.loss import moving_average, thin, window_of
from engram.pipeline.page.plot import labels, nice
from engram.pipeline.page.text import interval, moment, number


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1.0, "1"),
        (0.88, ".880"),
        (-0.5, "−.500"),
        (12345, "12\u202f345"),
        (1234.56, "1\u202f234.6"),
        (0.00012345, ".000123"),
        (1.2e-12, "1.20 × 10⁻¹²"),
        (3e20, "3.00 × 10²⁰"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (True, "–"),
        ("3", "–"),
    ],
)
def test_numbers_read_well(value, shown):
    assert number(value) == shown


def test_differences_carry_their_sign_and_keep_three_decimals():
    assert number(0.0720, signed=True) == "+.072"
    assert number(-0.0089, signed=True) == "−.009"
    assert interval((-0.0271, 0.0094), signed=True) == "[−.027, +.009]"
    assert number(0.0, signed=True) == "0"


def test_a_tiny_difference_is_not_rounded_to_nothing():
    assert number(0.00031, signed=True) == "+.000310"


@settings(deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_breaks_the_page(value):
    assert number(value)


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.booleans())
def test_scales_hold_their_data(one, other, tight):
    low, high = sorted((one, other))
    scale = nice(low, high, tight=tight)
    assert scale.low < scale.high
    assert -0.01 <= scale.at(low) <= scale.at(high) <= 100.01


def test_ticks_are_short():
    assert [shown for _, shown in labels(nice(0.13, 0.94))] == ["0", ".2", ".4", ".6", ".8", "1"]
    assert [shown for _, shown in labels(nice(0, 2000, 2))] == ["0", "1\u202f000", "2\u202f000"]
    assert [shown for _, shown in labels(nice(-0.5, 0.5, 2))] == ["−.5", "0", ".5"]


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_differ_from_each_other(low, size):
    shown = [text for _, text in labels(nice(low, low + size))]
    assert len(set(shown)) == len(shown) > 1


@pytest.mark.parametrize("high", [1, 2, 3, 12, 13, 180, 4000])
def test_steps_and_counts_have_whole_ticks(high):
    assert all(value == int(value) for value in nice(0, high, tight=True, whole=True).ticks)


@pytest.mark.parametrize("count", [1, 2, 19, 180, 5000])
def test_smoothing_keeps_the_steps_and_a_constant(count):
    flat = [(float(at), 2.0) for at in range(count)]
    assert moving_average(flat, window_of(count)) == flat
    assert window_of(count) % 2 == 1


def test_thinning_keeps_both_ends():
    values = [(float(at), 0.0) for at in range(10_001)]
    kept = thin(values, 600)
    assert (len(kept), kept[0], kept[-1]) == (600, values[0], values[-1])


def test_a_time_that_is_none_is_shown_as_it_is():
    assert moment("2026-11-20T15:02:11Z") == "2026-11-20 15:02 UTC"
    assert moment("<yesterday>") == "&lt;yesterday&gt;"
