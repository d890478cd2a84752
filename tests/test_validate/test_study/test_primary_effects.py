import math
from itertools import permutations

import numpy as np
import pytest
from test_validate.small_study import drawn_row, drawn_study

from validate.study.primary_effects import depth_test, flow_points, flow_test
from validate.study.study_folder import Study


def with_flow(study, change):
    """The study with `change(trial, ratio, error)` → (ratio, error) made to the trials of flow."""
    rows = [
        row
        if row.trial.claim != "C25"
        else drawn_row(
            study.protocol, row.trial, *change(row.trial, row.batch_ratios[0], row.test_error)
        )
        for row in study.rows
    ]
    return Study(study.folder, study.protocol, tuple(rows), ())


def ordered(sign):
    """The more flow, the more error, or the less."""
    return lambda trial, ratio, error: (ratio, 0.5 + sign * 0.1 * math.atan(math.log10(ratio)))


def test_levels_are_means_over_seeds():
    study = drawn_study(rho=0.5)
    point = flow_points(study)[9]
    rows = [
        row
        for row in study.of_claim("C25")
        if row.trial.network == "residual-32" and row.trial.skip == 0.25
    ]
    assert (point.network, point.level, point.seeds) == ("residual-32", "skip 0.25, branch 1", 3)
    assert point.flow == pytest.approx(np.mean([math.log10(row.batch_ratios[0]) for row in rows]))
    assert point.error == pytest.approx(np.mean([row.test_error for row in rows]))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_perfect_order_has_the_least_p(sign):
    found = flow_test(with_flow(drawn_study(), ordered(sign))).found
    assert found.value == pytest.approx(sign)
    assert found.exact
    assert found.p == pytest.approx(2 / math.factorial(8) ** 4)


def test_p_is_that_of_levels_permuted_within_strata():
    """By convolution of the sums of squared rank differences, in whole numbers."""
    test = flow_test(drawn_study(rho=0.3, seed=5))
    order = np.array(list(permutations(range(8))))
    counts = np.bincount(((order - np.arange(8)) ** 2).sum(axis=1))
    everything = np.array([1], dtype=object)
    squares = 0
    for network in test.strata:
        points = [point for point in test.points if point.network == network]
        ranks = [
            np.argsort(np.argsort([getattr(point, field) for point in points]))
            for field in ("flow", "error")
        ]
        squares += int(((ranks[0] - ranks[1]) ** 2).sum())
        everything = np.convolve(everything, counts.astype(object))
    middle = 4 * 84  # of 8 ranks each the mean of the sums is 84, at which ρ is 0
    at_least = sum(
        int(count)
        for total, count in enumerate(everything)
        if abs(total - middle) >= abs(squares - middle)
    )
    assert test.found.value == pytest.approx(1 - squares / middle)
    assert test.found.p == pytest.approx(at_least / math.factorial(8) ** 4, rel=1e-9)


def test_single_networks_are_not_the_unit():
    """Seeds that agree do not make a level count thrice."""
    spread = flow_test(with_flow(drawn_study(), ordered(1)))
    assert spread.found.networks == 32


def test_a_signal_that_does_not_arrive_ranks_lowest():
    study = drawn_study(rho=0.5)
    silent = with_flow(
        study,
        lambda trial, ratio, error: (0.0 if trial.skip == 0 else ratio, error),
    )
    low = [point for point in flow_points(silent) if point.level == "skip 0, branch 1"]
    assert all(point.flow == -math.inf for point in low)
    assert math.isfinite(flow_test(silent).found.value)


def test_what_was_not_measured_is_no_signal_that_does_not_arrive():
    study = drawn_study(rho=0.5)
    unknown = with_flow(
        study, lambda trial, ratio, error: (None if trial.skip == 0 else ratio, error)
    )
    found = flow_test(unknown)
    assert isinstance(found, str)
    assert "was measured before training in c25-residual-20-skip0" in found


def test_levers_are_told_apart():
    """With errors that follow the skip's scale up, and the branch's down."""
    study = drawn_study()
    found = flow_test(
        with_flow(
            study,
            lambda trial, ratio, error: (
                10 ** (trial.skip + trial.branch),
                0.2 + 0.1 * trial.skip - 0.05 * trial.branch,
            ),
        )
    )
    assert found.levers == {"skip": pytest.approx(1), "branch": pytest.approx(-1)}


def test_depth_effects_are_those_of_paired_t_tests():
    test = depth_test(drawn_study(gain=-0.5, gate=2.0, noise=0.2, seed=1))
    d = np.array(test.gain.differences)
    t = d.mean() / (d.std(ddof=1) / len(d) ** 0.5)
    # Student's density, summed by trapezoids: nothing of scipy's.
    x = np.linspace(-60, t, 2_000_001)
    n = len(d) - 1
    density = math.gamma((n + 1) / 2) / math.gamma(n / 2) / (n * math.pi) ** 0.5
    tail = np.trapezoid(density * (1 + x**2 / n) ** (-(n + 1) / 2), x)
    assert test.gain.below == pytest.approx(tail, rel=1e-6)
    assert test.gain.above == pytest.approx(1 - tail)
    assert test.gain.mean == pytest.approx(d.mean())
    assert test.gain.low < -0.5 < test.gain.high
    assert test.gate.low < 2.0 < test.gate.high
    assert test.p == max(test.gain.below, test.gate.above)


def test_no_gain_is_concluded_where_differences_are_small():
    small = depth_test(drawn_study(gain=0.0, noise=0.1)).gain
    assert small.within < 1e-3
    assert min(small.below, small.above) > 0.01
    large = depth_test(drawn_study(gain=-0.6, noise=0.1)).gain
    assert large.within > 0.9
    assert depth_test(drawn_study(gain=0.6, noise=0.1)).gain.within > 0.9


@pytest.mark.parametrize("claim", ["C24", "C25"])
def test_there_is_no_test_before_the_last_trial(claim):
    study = drawn_study()
    *rows, last = study.of_claim(claim)
    other = [row for row in study.rows if row.trial.claim != claim]
    partial = Study(study.folder, study.protocol, (*other, *rows), (last.trial,))
    found = {"C25": flow_test, "C24": depth_test}[claim](partial)
    assert found == f"{len(rows)} of {len(rows) + 1} trials are there"
