"""Slopes of the ratio with depth: the drawn ones are found, and judged against the band."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress
from scipy.stats import t as student
from test_validate.drawn_results import as_claimed, drawn, flow

from derivations.errors import InputError
from validate.statistics.ratio_flattening import (
    FAILS,
    FALLS,
    FLAT,
    HOLDS,
    RISES,
    UNDECIDED,
    FlatBand,
    depth_slope,
    flattenings,
)

DEPTHS = (8, 20, 32, 44)


def table(slope: float, noise: float, seeds: int = 3) -> dict[int, dict[int, float | None]]:
    rng = np.random.default_rng(6)
    return {
        seed: {depth: slope * depth / 10 + noise * float(rng.normal()) for depth in DEPTHS}
        for seed in range(seeds)
    }


def test_mean_and_interval_are_those_of_lines_per_seed():
    ratios = table(0.3, 0.1, 5)
    found = depth_slope(ratios)
    slopes = [10 * linregress(DEPTHS, [each[d] for d in DEPTHS]).slope for each in ratios.values()]
    low, high = student.interval(0.95, 4, np.mean(slopes), np.std(slopes, ddof=1) / 5**0.5)
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(slopes), low, high))
    assert (found.depths, found.seeds, found.verdict) == (4, 5, RISES)


@pytest.mark.parametrize(
    ("slope", "noise", "verdict"),
    [(0.3, 0.01, RISES), (-0.3, 0.01, FALLS), (0.02, 0.01, FLAT), (0.02, 1.0, UNDECIDED),
     (0.1, 0.05, UNDECIDED), (-0.1, 0.05, UNDECIDED)],
)  # fmt: skip
def test_an_interval_is_held_against_the_band(slope, noise, verdict):
    assert depth_slope(table(slope, noise)).verdict == verdict


def test_the_band_is_data():
    ratios = table(0.3, 0.01)
    assert depth_slope(ratios, FlatBand(0.5)).verdict == FLAT
    assert depth_slope(ratios, FlatBand(0.5, 0.5)).high < depth_slope(ratios).high
    for limit, level in ((0.0, 0.95), (0.1, 1.0), (float("nan"), 0.95)):
        with pytest.raises(InputError, match="band"):
            FlatBand(limit, level)


def test_a_seed_that_lacks_a_depth_is_left_out_and_counted():
    ratios = table(0.3, 0.01, 4)
    ratios[1][20] = None
    del ratios[2][8]
    found = depth_slope(ratios)
    assert (found.seeds, found.left_out, found.verdict) == (2, 2, RISES)
    del ratios[3][8]
    assert depth_slope(ratios).missing.endswith("has 4 and 1")
    assert depth_slope({}).verdict == UNDECIDED


def with_ratios(before, after):
    """Drawn results whose batch ratios are these functions of the depth."""

    def changed(run):
        shift = 1 + 0.01 * run.config.seed
        first, last = (
            epoch.model_copy(update={"batch_ratio": None if ratio is None else shift * ratio})
            for epoch, ratio in zip(
                run.epochs, (before(run.config.depth), after(run.config.depth)), strict=True
            )
        )
        return replace(run, epochs=(first, last))

    return tuple(map(changed, drawn(as_claimed, flow).runs))


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (lambda d: 10 ** (0.05 * d), lambda d: 1.5, HOLDS),
        (lambda d: 10 ** (0.05 * d), lambda d: 10 ** (0.03 * d), FAILS),
        (lambda d: 10 ** (0.05 * d), lambda d: 10 ** (-0.03 * d), FAILS),
        (lambda d: 1.5, lambda d: 1.5, FAILS),
        (lambda d: 10 ** (0.05 * d), lambda d: None, UNDECIDED),
        (lambda d: 10 ** (0.05 * d), lambda d: 0.0, UNDECIDED),
    ],
)
def test_a_family_is_judged_before_and_after_training(before, after, verdict):
    found = flattenings(with_ratios(before, after))
    assert [each.family for each in found] == ["plain", "residual", "se_residual", "dense"]
    assert {each.verdict for each in found} == {verdict}


def test_two_runs_of_one_depth_and_seed_are_refused():
    runs = with_ratios(lambda d: 1.0, lambda d: 1.0)
    with pytest.raises(InputError, match="second plain-8 with seed 0"):
        flattenings((*runs, runs[0]))
