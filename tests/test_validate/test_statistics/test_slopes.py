"""Slopes of the error with depth: by hand, with seeds that differ, and how intervals cover."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from test_validate.drawn_results import as_claimed, drawn, flow

from validate.statistics.slopes import (
    DEPTHS,
    PLAIN,
    RESIDUAL,
    SEEDS,
    Interval,
    over_seeds,
    slopes,
    trends,
)

TRAINED = (8, 14, 20, 32, 44)


def errors(slope, noise=0.0, between=0.0, depths=TRAINED, seeds=5, trial=0):
    """0.1 + slope·depth + what a seed adds at every depth + noise."""
    random = np.random.default_rng([trial, len(depths), seeds])
    shared = between * random.standard_normal(seeds)
    return {
        depth: {
            s: [0.1 + slope * depth + shared[s] + noise * random.standard_normal()]
            for s in range(seeds)
        }
        for depth in depths
    }


def test_a_line_is_found():
    plain, residual, beyond = slopes(errors(0.002, noise=1e-9), errors(-0.0005, noise=1e-9))
    for slope, value in ((plain, 2.0), (residual, -0.5), (beyond, 2.5)):
        found = slope.found
        assert (found.value, found.low, found.high) == pytest.approx((value,) * 3, abs=1e-6)
        assert found.p < 1e-6
    assert (plain.sign, residual.sign, beyond.sign) == (1, -1, 1)
    assert str(residual).startswith("−0.50 points per 10 layers, 95 % interval −0.50 to −0.50")
    assert str(residual).endswith("5 depths, 5 seeds")


def test_a_small_p_value_and_an_interval_beyond_0_are_the_same():
    signs = set()
    for slope in np.linspace(-0.003, 0.003, 25):
        found = slopes(errors(slope, noise=0.02, trial=int(1e4 * slope + 50)), errors(0.0))[0]
        assert (found.found.p < 0.05) == (found.sign is not None)
        signs.add(found.sign)
    assert signs == {-1, None, 1}


def test_the_slope_is_that_of_least_squares():
    table = errors(0.001, noise=0.05)
    means = [100 * np.mean([runs[0] for runs in table[depth].values()]) for depth in TRAINED]
    found = slopes(table, table)[0].found
    assert found.value == pytest.approx(10 * np.polyfit(TRAINED, means, 1)[0])


def test_the_interval_is_that_of_students_t_over_the_slopes_of_seeds():
    table = errors(0.001, noise=0.05, seeds=5)
    each = [
        1000 * np.polyfit(TRAINED, [table[depth][seed][0] for depth in TRAINED], 1)[0]
        for seed in range(5)
    ]
    found = slopes(table, table)[0].found
    reach = 2.7764451051977987 * np.std(each, ddof=1) / 5**0.5  # t of 4 degrees, 0.975
    assert (found.low, found.high) == pytest.approx((np.mean(each) - reach, np.mean(each) + reach))
    assert found.p == pytest.approx(ttest_1samp(each, 0).pvalue)


def test_seeds_that_agree_to_the_last_bit_leave_no_doubt():
    assert over_seeds([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5, 0.0)
    assert over_seeds([0.0, 0.0]) == Interval(0.0, 0.0, 0.0, 1.0)


def test_what_seeds_differ_by_drops_out():
    calm, shifted = errors(0.001, noise=0.01), errors(0.001, noise=0.01)
    for seeds in shifted.values():
        for seed, runs in seeds.items():
            runs[0] += 0.3 * seed
    quiet, loud = (slopes(table, table)[0].found for table in (calm, shifted))
    assert loud.high - loud.low == pytest.approx(quiet.high - quiet.low)


def test_runs_of_two_families_are_paired():
    """The same deviations in both families: the difference has none, though each slope has."""
    table = errors(0.001, noise=0.02)
    steeper = {
        depth: {seed: [runs[0] + 0.001 * depth] for seed, runs in seeds.items()}
        for depth, seeds in table.items()
    }
    first, second, beyond = (slope.found for slope in slopes(steeper, table))
    assert first.high - first.low > 0.1
    assert second.high - second.low == pytest.approx(first.high - first.low)
    assert (beyond.low, beyond.high) == pytest.approx((1.0, 1.0))


def test_errors_that_bend_are_no_line():
    """A U over depth, whose least squares slope would say that nothing happens."""
    table = errors(0.0, noise=0.001)
    for depth, seeds in table.items():
        for runs in seeds.values():
            runs[0] += 1e-4 * (depth - 26) ** 2
    bent, straight, _ = slopes(table, errors(0.001, noise=0.001))
    assert bent.bent
    assert bent.bend.value == pytest.approx(1.0, rel=0.1)
    assert "no line: the errors bend" in str(bent)
    assert not straight.bent
    assert "bend" not in str(straight)


def coverage(trials, depths, seeds):
    """In how many of the trials the interval holds the slope of one family, and the difference
    between two.
    """
    held = np.zeros(2)
    for trial in range(trials):
        one, _, beyond = slopes(
            errors(0.001, 0.01, 0.02, depths, seeds, trial),
            errors(0.0, 0.01, 0.02, depths, seeds, trial + 10**6),
        )
        held += [each.found.low <= 1 <= each.found.high for each in (one, beyond)]
    return held / trials


def test_the_interval_holds_the_slope_most_of_the_time():
    """60 trials of a cover of 0.95: under 0.84 has probability 1e-3."""
    assert (coverage(60, TRAINED, 3) >= 0.84).all()


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("depths", [TRAINED[:4], TRAINED])
def test_the_cover_is_that_stated(depths, seeds):
    """1500 trials, four standard errors."""
    assert coverage(1500, depths, seeds) == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 1500) ** 0.5)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, f"needs {DEPTHS} networks and {SEEDS} seeds, has 0 and 0"),
        (errors(0.1, depths=TRAINED[: DEPTHS - 1]), f"has {DEPTHS - 1} and 5"),
        (errors(0.1, seeds=SEEDS - 1), f"has 5 and {SEEDS - 1}"),
        (errors(0.1) | {8: {0: [0.1]}}, "not every depth was trained once with every seed"),
        (
            errors(0.1) | {8: {seed: [0.1, 0.2] for seed in range(5)}},
            "not every depth was trained once with every seed",
        ),
    ],
)
def test_too_little_is_said_to_be_too_little(table, reason):
    found, other, beyond = slopes(table, errors(0.001))
    assert (found.found, found.bend, found.sign) == (None,) * 3
    assert reason in found.missing
    assert str(found) == f"not determinable: {found.missing}"
    assert other.found.value == pytest.approx(1.0)
    assert beyond.missing == found.missing


def test_families_with_other_seeds_are_not_compared():
    first, second, beyond = slopes(
        errors(0.1, noise=1e-3, seeds=5), errors(0.2, noise=1e-3, seeds=4)
    )
    assert (first.sign, second.sign) == (1, 1)
    assert beyond.found is None
    assert "other seeds" in beyond.missing


def test_trends_are_the_slopes_of_the_records():
    results = drawn(as_claimed, flow)
    found = trends(results)
    errors = {
        family: {
            depth: {
                run.config.seed: [run.epochs[-1].test_error]
                for run in results.runs
                if (run.config.family, run.config.depth) == (family, depth)
            }
            for depth in (8, 14, 20, 32, 44)
        }
        for family in (PLAIN, RESIDUAL)
    }
    plain, residual, beyond = slopes(errors[PLAIN], errors[RESIDUAL])
    assert (found.slopes, found.beyond) == ({PLAIN: plain, RESIDUAL: residual}, beyond)
    assert found.errors[PLAIN][20] == sorted(as_claimed(PLAIN, 20, seed) for seed in (0, 1, 2))[1]
    assert found.errors.keys() == {PLAIN, RESIDUAL}
