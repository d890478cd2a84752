"""Slopes of the error with depth: by hand, with seeds that differ, and how intervals cover."""

from dataclasses import replace

import numpy as np
import pytest
from test_validate.drawn_results import as_claimed, drawn, flow

from validate.statistics.slopes import DEPTHS, PLAIN, RESIDUAL, SEEDS, slopes, trends
from validate.statistics.survival import SEED

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
    plain, residual, beyond = slopes(errors(0.002), errors(-0.0005), 0)
    for found, value in ((plain, 2.0), (residual, -0.5), (beyond, 2.5)):
        assert (found.value, found.low, found.high) == pytest.approx((value, value, value))
    assert (plain.sign, residual.sign, beyond.sign) == (1, -1, 1)
    assert str(residual).startswith(
        "−0.50 points per 10 layers, 95 % interval −0.50 to −0.50, p = 0.001, 5 depths, 5 seeds"
    )


@pytest.mark.parametrize(("adjusted", "sign"), [(None, 1), (0.05, 1), (0.051, None)])
def test_a_slope_among_others_needs_an_adjusted_p_value(adjusted, sign):
    found = replace(slopes(errors(0.002), errors(0.0), 0)[0], adjusted=adjusted)
    assert found.sign == sign
    assert ("adjusted)" in str(found)) == (adjusted is not None)


def test_a_small_p_value_and_an_interval_beyond_0_are_the_same():
    """Both are read off one bootstrap; at the ends of the interval a resample may differ."""
    for slope in np.linspace(-0.003, 0.003, 25):
        found = slopes(errors(slope, noise=0.02, trial=int(1e4 * slope + 50)), errors(0.0), 0)[0]
        if abs(found.p - 0.05) > 0.005:
            assert (found.p < 0.05) == (found.sign is not None)


def test_the_slope_is_that_of_least_squares():
    table = errors(0.001, noise=0.05)
    means = [100 * np.mean([runs[0] for runs in table[depth].values()]) for depth in TRAINED]
    assert slopes(table, table, 0)[0].value == pytest.approx(10 * np.polyfit(TRAINED, means, 1)[0])


def test_what_seeds_differ_by_drops_out():
    calm, shifted = errors(0.001, noise=0.01), errors(0.001, noise=0.01)
    for seeds in shifted.values():
        for seed, runs in seeds.items():
            runs[0] += 0.3 * seed
    quiet, loud = slopes(calm, calm, 0)[0], slopes(shifted, shifted, 0)[0]
    assert loud.high - loud.low == pytest.approx(quiet.high - quiet.low)


def test_runs_of_two_families_are_paired():
    """The same deviations in both families: the difference has none, though each slope has."""
    table = errors(0.001, noise=0.02)
    steeper = {
        depth: {seed: [runs[0] + 0.001 * depth] for seed, runs in seeds.items()}
        for depth, seeds in table.items()
    }
    first, second, beyond = slopes(steeper, table, 0)
    assert first.high - first.low > 0.1
    assert second.high - second.low == pytest.approx(first.high - first.low)
    assert (beyond.low, beyond.high) == pytest.approx((1.0, 1.0))


def coverage(trials, depths, seeds):
    """In how many of the trials the interval holds the slope of one family, and the difference
    between two.
    """
    held = np.zeros(2)
    for trial in range(trials):
        found = slopes(
            errors(0.001, 0.01, 0.02, depths, seeds, trial),
            errors(0.0, 0.01, 0.02, depths, seeds, trial + 10**6),
            trial,
        )
        held += [found[0].low <= 1 <= found[0].high, found[2].low <= 1 <= found[2].high]
    return held / trials


def test_the_interval_holds_the_slope_most_of_the_time():
    """60 trials of a cover of 0.89: under 0.75 has probability 2e-3."""
    assert (coverage(60, TRAINED, 3) >= 0.75).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depths", "seeds", "stated"),
    [(TRAINED[:4], 3, 0.89), (TRAINED, 3, 0.89), (TRAINED[:4], 5, 0.92), (TRAINED, 5, 0.92)],
)
def test_the_cover_is_that_stated(depths, seeds, stated):
    """1500 trials, four standard errors."""
    assert coverage(1500, depths, seeds) == pytest.approx(
        stated, abs=4 * (stated * (1 - stated) / 1500) ** 0.5
    )


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
    found, other, beyond = slopes(table, errors(0.001), 0)
    assert (found.value, found.low, found.high, found.sign) == (None,) * 4
    assert reason in found.missing
    assert str(found) == f"not determinable: {found.missing}"
    assert other.value == pytest.approx(1.0)
    assert beyond.missing == found.missing


def test_families_with_other_seeds_are_not_compared():
    first, second, beyond = slopes(errors(0.1, seeds=5), errors(0.2, seeds=4), 0)
    assert (first.sign, second.sign) == (1, 1)
    assert beyond.value is None
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
    plain, residual, beyond = slopes(errors[PLAIN], errors[RESIDUAL], SEED)
    assert (found.slopes, found.beyond) == ({PLAIN: plain, RESIDUAL: residual}, beyond)
    assert found.errors[PLAIN][20] == sorted(as_claimed(PLAIN, 20, seed) for seed in (0, 1, 2))[1]
    assert found.errors.keys() == {PLAIN, RESIDUAL}


def test_the_interval_is_as_wide_as_slopes_deviate():
    """Over many data sets the mean square of its half width is that of the error of a slope, though
    few depths and seeds make residuals smaller than errors.
    """
    depths, seeds, noise = TRAINED[:DEPTHS], SEEDS, 0.02
    centred = np.array(depths) - np.mean(depths)
    variance = (100 * noise) ** 2 / seeds * 10**2 / (centred**2).sum()
    halves = []
    for trial in range(300):
        table = errors(0.001, noise=noise, between=0.1, depths=depths, seeds=seeds, trial=trial)
        found = slopes(table, table, trial)[0]
        halves.append((found.high - found.low) / 2 / 1.96)
    assert np.mean(np.square(halves)) == pytest.approx(variance, rel=0.1)
