"""Moments behind a leaky ReLU, and what branches do to them: proved, broken, and drawn."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from derivations.algebra.letters import CHI
from derivations.checker.check import check
from derivations.errors import InputError
from derivations.laws.gaussian_moments import (
    KAPPA,
    KAPPA_OF_SLOPE,
    MEAN,
    NEGATIVE_SLOPE,
    RELU_KAPPA,
    SECOND,
    moments,
    pass_through,
)


def test_the_moments_pass_and_are_those_of_relu():
    assert all(checked.ok for checked in check(moments().derivation))
    assert (SECOND.subs(NEGATIVE_SLOPE, 0), MEAN.subs(NEGATIVE_SLOPE, 0), RELU_KAPPA) == (
        sp.Rational(1, 2),
        1 / sp.sqrt(2 * sp.pi),
        1 - 1 / sp.pi,
    )


@pytest.mark.parametrize(
    "wrong", [SECOND + NEGATIVE_SLOPE, 2 * SECOND, SECOND - sp.Rational(1, 10**6)]
)
def test_a_wrong_moment_fails_both_ways(wrong):
    theorem = moments()
    first = replace(theorem.derivation.steps[0], after=wrong)
    (checked,) = check(replace(theorem.derivation, steps=(first,)))
    assert not any(outcome.ok for outcome in checked.checks)


def test_the_exponent_does_not_depend_on_the_gain_of_the_weights():
    """χ raises what a block adds to the variance as much as what it adds to the gradient."""
    q = sp.Symbol("q", positive=True)
    for parts in (("norm", "weights"), ("norm", "phi", "weights"), ("phi", "weights", "norm")):
        passage = pass_through(parts, q)
        assert not sp.cancel(passage.gain * q / passage.variance).has(CHI)


def test_the_exponent_is_at_least_one():
    """1/κ = E φ′²/Var φ ≥ 1, the Gaussian Poincaré inequality, with equality for linear φ alone."""
    assert KAPPA_OF_SLOPE.subs(NEGATIVE_SLOPE, 1) == 1
    for slope in (-2, -1, sp.Rational(-1, 100), 0, sp.Rational(1, 100), 2):
        assert 0 < KAPPA_OF_SLOPE.subs(NEGATIVE_SLOPE, slope) < 1


def test_phi_of_inputs_with_a_mean_is_refused():
    with pytest.raises(InputError, match="norm"):
        pass_through(("phi", "weights", "phi"), sp.Integer(1))


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, -0.5])
def test_the_moments_of_drawn_numbers(slope):
    """400,000 draws: five standard errors of z² (√2/√n), the widest of the three."""
    z = np.random.default_rng(15).standard_normal(400_000)
    rectified = np.maximum(z, 0) + slope * np.minimum(z, 0)
    second, mean, kappa = (
        float(expr.subs(NEGATIVE_SLOPE, slope)) for expr in (SECOND, MEAN, KAPPA_OF_SLOPE)
    )
    within = 5 * np.sqrt(2 / len(z))
    assert (rectified**2).mean() == pytest.approx(second, abs=within)
    assert rectified.mean() == pytest.approx(mean, abs=within)
    assert rectified.var() / (rectified**2).mean() == pytest.approx(kappa, abs=within)


def test_branches_pass_on_what_their_parts_do():
    q = sp.Symbol("q", positive=True)
    a_half = SECOND  # E φ(z)² of unit variance
    assert pass_through(("weights",), q).variance == CHI * q
    assert pass_through(("weights",), q).gain == CHI
    assert sp.cancel(pass_through(("phi",), q).variance - a_half * KAPPA * q) == 0
    assert pass_through(("phi", "weights"), q).gain == CHI
    norm = pass_through(("norm",), q)
    assert (norm.variance, norm.gain) == (1, 1 / q)
    assert sp.cancel(pass_through(("phi", "norm"), q).gain * KAPPA * q) == 1
    assert pass_through((), q) == type(norm)(q, sp.Integer(1))
