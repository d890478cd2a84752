"""Bands are judged on the images that they are about; a wrong law comes out outside."""

from dataclasses import replace
from math import log10

import pytest

from validate.comparison.initial_bands import BATCH, Band
from validate.comparison.initial_ratios import INSIDE, OUTSIDE, drawn, predicted_ratio
from validate.statistics.band_check import check, first_batch

SEEDS = (0, 1, 2, 3)


def test_theory_is_inside_and_a_wrong_law_outside():
    """Wrong: plain networks vanish; each residual block doubles the mean square, (1 + χ)^L."""
    x, y = first_batch("digits")
    assert x.shape == (BATCH, 1, 8, 8)
    assert y.shape == (BATCH,)
    names = ("plain-20", "residual-20", "dense-13")
    right = [
        Band(name, 0.0, predicted_ratio(drawn(name, 0.0, x, 0), 8).total, 0.25, "", 0.0, 0.0)
        for name in names
    ]
    vanishing, doubling = (
        replace(right[0], predicted=-1.0),
        replace(right[1], predicted=4.5 * log10(2)),
    )
    rows = check(SEEDS, [*right, vanishing, doubling], "digits")
    assert [row.verdict for row in rows] == [INSIDE] * 3 + [OUTSIDE] * 2
    assert [len(row.measured.totals) for row in rows] == [4] * 5


def test_the_same_seeds_give_the_same_rows():
    band = Band("plain-8", 0.1, 0.3, 0.25, "", 0.0, 0.0)
    assert check((1,), [band], "digits") == check((1,), [band], "digits")
    assert check((1,), [band], "digits") != check((2,), [band], "digits")


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_mean_is_over_all_seeds(seeds):
    (row,) = check(seeds, [Band("dense-7", 0.0, 0.3, 0.25, "", 0.0, 0.0)], "digits")
    assert row.measured.mean == pytest.approx(sum(row.measured.totals) / len(seeds))
