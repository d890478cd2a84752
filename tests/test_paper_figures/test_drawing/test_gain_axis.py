"""Gains stand where a logarithmic axis has them, and are read as words that have a colour."""

import pytest

from paper_figures.drawing.gain_axis import (
    COLORS,
    HIGH,
    LOW,
    MEANINGS,
    MOST,
    decades,
    place,
    reading,
    ticks,
)


@pytest.mark.parametrize(
    ("gain", "reach", "at"),
    [
        (1, 3, 50),
        (1e-3, 3, 0),
        (1e3, 3, 100),
        (10, 2, 75),
        (0, 3, 0),
        (1e9, 3, 100),
        (None, 3, 100),
        (float("inf"), 3, 100),
    ],
)
def test_gains_stand_on_a_logarithmic_axis(gain, reach, at):
    assert place(gain, reach) == pytest.approx(at)


@pytest.mark.parametrize(
    ("gains", "reach"),
    [((), 1), ((1.0,), 1), ((0.0, 3.0), 1), ((0.0625,), 2), ((10.0,), 1), ((1e-9, 2), MOST)],
)
def test_the_axis_reaches_what_it_shows(gains, reach):
    assert decades(gains) == reach


@pytest.mark.parametrize("reach", range(1, MOST + 1))
def test_ticks_are_few_in_order_and_on_both_sides_of_1(reach):
    found = ticks(reach)
    assert 3 <= len(found) <= 5
    assert [at for _, at in found] == sorted(at for _, at in found)
    assert ("1", 50.0) in found
    assert [float(label) for label, _ in found] == [1 / float(name) for name, _ in found[::-1]]


def test_gains_are_read_as_words_that_have_a_colour_and_a_meaning():
    words = [reading(gain) for gain in (None, 0.0, LOW / 2, LOW, HIGH, 2 * HIGH)]
    assert words == ["none", "dead", "low", "good", "good", "high"]
    assert set(words) == COLORS.keys() == MEANINGS.keys()
