"""Logarithms of tails against closed forms in high precision: every error is within its bound."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from derivations.errors import InputError
from numeric.laws.characteristic_inversion import Components
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.tail_inversion import log_probability, log_tail

mp.mp.dps = 60


def laws(weights: list[float], dofs: list[int], squares: list[float], times: int) -> Components:
    return Components(*(np.array([part] * times, dtype=float) for part in (weights, dofs, squares)))


def assert_found(
    part: Components, q: np.ndarray, upper: bool, truth: list[mp.mpf], tightness: float = 1e-8
) -> None:
    found, bound = log_probability(part, q, np.zeros_like(q), upper)
    errors = np.array(
        [float(abs(mp.mpf(v) - t)) for v, t in zip(found.tolist(), truth, strict=True)]
    )
    assert (errors <= bound).all(), (q, found, errors, bound)
    assert (bound <= tightness * (1 + np.abs(found))).all(), bound


def central(dof: int, q: float, upper: bool) -> mp.mpf:
    ends = (mp.mpf(q) / 2, mp.inf) if upper else (0, mp.mpf(q) / 2)
    return mp.log(mp.gammainc(mp.mpf(dof) / 2, *ends, regularized=True))


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("dof", [1, 2, 3, 10, 100, 1000])
def test_tails_of_a_chi_square(dof, upper):
    """Down to probabilities of e^(−10⁸), and on either side of the mean."""
    shares = np.array([1e-30, 1e-10, 1e-3, 0.1, 0.5, 0.99, 1.01, 2, 5, 30, 1e3, 1e6])
    if upper:  # the digits of 1 − e^(−1e30) are beyond those of the twin
        shares = shares[2:]
    truth = [central(dof, q, upper) for q in dof * shares]
    assert_found(laws([1.0], [dof], [0.0], len(shares)), dof * shares, upper, truth)


def exponential(weights: list[float], q: float) -> mp.mpf:
    """P(Σ λ_j χ²₂ > q), the weights distinct: a sum of exponentials (partial fractions)."""
    exact = [mp.mpf(weight) for weight in weights]
    return mp.fsum(
        mp.exp(-mp.mpf(q) / (2 * one))
        * mp.fprod(one / (one - other) for other in exact if other != one)
        for one in exact
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 400), min_size=2, max_size=6, unique=True),
    st.sampled_from([0.05, 0.3, 0.9, 1.2, 3.0, 30.0, 1000.0]),
    st.booleans(),
)
def test_tails_of_sums_of_exponentials(steps, share, upper):
    """Weights from 1 down to 1/8,000."""
    weights = [2.0 ** (-(step - min(steps)) / 32) for step in steps]
    q = 2 * sum(weights) * share
    above = exponential(weights, q)
    truth = mp.log(above if upper else 1 - above)
    part = laws(weights, [2] * len(weights), [0.0] * len(weights), 1)
    assert_found(part, np.array([q]), upper, [truth])


def noncentral(dof: int, square: float, q: float, upper: bool) -> mp.mpf:
    """A Poisson mixture of central tails."""
    half = mp.mpf(square) / 2
    centre = int(half)
    terms = range(max(0, centre - 900), centre + 1500)
    ends = (mp.mpf(q) / 2, mp.inf) if upper else (0, mp.mpf(q) / 2)
    return mp.log(
        mp.fsum(
            mp.exp(-half + j * mp.log(half) - mp.loggamma(j + 1))
            * mp.gammainc(mp.mpf(dof) / 2 + j, *ends, regularized=True)
            for j in terms
        )
    )


@pytest.mark.parametrize(
    ("dof", "square", "q", "upper"),
    [
        (1, 4.0, 150.0, True),
        (3, 10.0, 200.0, True),
        (3, 10.0, 0.01, False),
        (5, 100.0, 20.0, False),
        (5, 100.0, 400.0, True),
        (40, 30.0, 1e-3, False),
    ],
)
def test_tails_of_a_noncentral_chi_square(dof, square, q, upper):
    unit = max(1.0, square)
    part = laws([1 / unit], [dof], [square / unit], 1)
    with mp.workdps(30):
        truth = [noncentral(dof, square, q, upper)]
    assert_found(part, np.array([q / unit]), upper, truth, 1e-9)


def mixed(q: float, upper: bool) -> mp.mpf:
    """Q = χ′²₃(7) + 0.3 (N(2, 1))², given the normal number: the first has a closed form."""
    mean, weight, end = mp.sqrt(7), mp.mpf("0.3"), mp.sqrt(mp.mpf(q) / mp.mpf("0.3"))

    def given(y: mp.mpf) -> mp.mpf:
        root = mp.sqrt(max(mp.mpf(q) - weight * y**2, 0))
        above = mp.ncdf(mean - root) + mp.ncdf(-mean - root)
        above += (mp.npdf(root - mean) - mp.npdf(root + mean)) / mean
        return mp.npdf(y - 2) * (above if upper else 1 - above)

    inside = mp.quad(given, mp.linspace(-end, end, 80))
    return mp.log(inside + (mp.ncdf(2 - end) + mp.ncdf(-2 - end) if upper else 0))


@pytest.mark.parametrize(("q", "upper"), [(80.0, True), (200.0, True), (0.5, False), (0.02, False)])
def test_tails_of_a_sum_of_noncentral_laws(q, upper):
    with mp.workdps(30):
        truth = [mixed(q, upper)]
    # Squares of means are 7 and 4 · 0.3, of which 0.3 is rounded.
    part = laws([1 / 7, 0.3 / 7], [3, 1], [1.0, 1.2 / 7], 1)
    found, bound = log_probability(part, np.array([q / 7]), np.array([1e-15 * q]), upper)
    assert abs(mp.mpf(found[0]) - truth[0]) <= max(bound[0], 1e-12 * q)
    assert bound[0] <= 1e-9


def test_a_survival_probability_far_below_the_tolerance_has_its_size():
    """SciPy's logsf of a central law agrees; sf itself cannot tell it from 0."""
    law = GeneralizedChiSquare(np.array(0.0), np.array([1.0]), np.array([1]), np.array([0.0]))
    q = chi2.isf(1.1e-18, 1)
    assert law.sf(q) == 0
    assert np.exp(law.logsf(q)) == pytest.approx(1.1e-18, rel=1e-9)
    far = np.array([1e2, 1e3])  # beyond, SciPy's is −∞
    assert law.logsf(far) == pytest.approx(chi2.logsf(far, 1), rel=1e-12)
    assert law.logcdf(1 / far) == pytest.approx(chi2.logcdf(1 / far, 1), rel=1e-12)


def test_logarithms_agree_with_the_probabilities_where_those_say_something():
    rng = np.random.default_rng(0)
    law = GeneralizedChiSquare(
        np.full(3, 2.0),
        rng.uniform(0, 1, (3, 5)),
        rng.integers(1, 5, (3, 5)),
        rng.uniform(0, 3, (3, 5)),
    )
    q = law.mean * np.array([[0.6], [0.9], [1.1], [2.0]])
    cdf = law.cdf(q, 1e-10)
    for upper, expected in ((False, cdf), (True, 1 - cdf)):
        values, errors = law.enclose_log(q, upper=upper)
        assert values.shape == errors.shape == (4, 3)
        assert (np.abs(np.exp(values) - expected) <= 2e-10).all()
        assert (errors <= 1e-9).all()
    assert np.allclose(np.exp(law.logcdf(q)) + np.exp(law.logsf(q)), 1, atol=1e-10)


def test_laws_and_quantiles_at_the_ends():
    """A point, a quantile at or below the least value, components without weight."""
    law = GeneralizedChiSquare(
        np.array([3.0, 3.0]), np.array([[0.0, 0.0], [1.0, 0.0]]), np.ones((2, 2)), np.zeros((2, 2))
    )
    q = np.array([[2.0], [3.0], [4.0]])
    assert law.logcdf(q)[:, 0].tolist() == [-np.inf, 0, 0]
    assert law.logsf(q)[:, 0].tolist() == [0, -np.inf, -np.inf]
    assert law.logcdf(q)[:2, 1].tolist() == [-np.inf, -np.inf]
    assert law.logsf(q)[:2, 1].tolist() == [0, 0]
    assert law.logsf(4.0)[1] == pytest.approx(chi2.logsf(1, 1), rel=1e-12)


def test_the_rounding_of_the_shift_is_part_of_the_bound():
    """At a shift of 10⁹ weights a quantile is known to 1e-7 weights."""
    law = GeneralizedChiSquare(np.array(1e9), np.array([1.0]), np.array([4]), np.array([0.0]))
    values, errors = law.enclose_log(1e9 + 50.0, upper=True, tolerance=1e-3)
    assert abs(values - chi2.logsf(50, 4)) <= errors
    assert errors >= 1e-8
    with pytest.raises(InputError, match="uncertain by"):
        law.logsf(1e9 + 50.0, 1e-9)


def test_what_is_too_long_or_beyond_the_range_is_refused():
    wide = GeneralizedChiSquare(
        np.array(0.0), np.array([1.0, 1e-15]), np.array([1, 1]), np.array([0.0, 1e-3])
    )
    with pytest.raises(InputError, match="uncertain by"):
        wide.logsf(50.0)
    beyond = laws([1.0], [3], [1.0], 1)
    assert log_tail(beyond, np.array([1e250]), np.zeros(1), True)[1][0] == np.inf
