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
    layers,
    moments,
    pass_through,
    passage_in_integrals,
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


BRANCHES = [
    ("phi", "weights"),
    ("norm", "weights"),
    ("norm", "phi", "weights"),
    ("phi", "weights", "norm"),
    ("norm", "phi", "weights", "norm", "phi", "weights"),
    ("weights", "norm", "phi", "weights", "norm"),
]


@pytest.mark.parametrize("parts", BRANCHES)
def test_the_two_passages_agree_in_numbers(parts):
    """One in closed forms, one in integrals; at a leaky slope, by SymPy's own integration."""
    q = sp.Rational(7, 3)
    at = {CHI: sp.Rational(2, 5), NEGATIVE_SLOPE: sp.Rational(1, 5)}
    said, found = pass_through(parts, q), passage_in_integrals(parts, q)
    for closed, integral in ((said.variance, found.variance), (said.gain, found.gain)):
        expected = sp.N(closed.subs(KAPPA, KAPPA_OF_SLOPE).subs(at), 20)
        assert abs(sp.N(integral.subs(at).doit(), 20) - expected) < 1e-15


@pytest.mark.parametrize("parts", BRANCHES)
def test_a_drawn_branch_has_the_derived_gain(parts):
    """E‖J_Fᵀg‖²/‖g‖² of ReLU branches of width 128 over batches of 128, by hand: within 5 %."""
    rng = np.random.default_rng(16)
    width, gains = 128, []
    for _ in range(24):
        x, back = 1.5 * rng.standard_normal((width, width)), []  # (unit, sample)
        before = ""
        for part in parts:
            if part == "weights":
                scale = (2 if before == "phi" else 1) ** 0.5
                weight = scale * rng.standard_normal((width, width)) / width**0.5
                x = weight @ x
                back.append(lambda g, w=weight: w.T @ g)
            elif part == "phi":
                mask = x > 0
                x = x * mask
                back.append(lambda g, m=mask: m * g)
            else:
                s = x.std(axis=1, keepdims=True)
                x = (x - x.mean(axis=1, keepdims=True)) / s
                back.append(lambda g, h=x, s=s: _through_norm(g, h, s))
            before = part
        g = rng.standard_normal((width, width))
        start = (g**2).sum()
        for pull in reversed(back):
            g = pull(g)
        gains.append((g**2).sum() / start)
    expected = float(
        pass_through(parts, sp.Rational(9, 4)).gain.subs(CHI, 1).subs(KAPPA, RELU_KAPPA)
    )
    assert np.mean(gains) == pytest.approx(expected, rel=0.05)


def _through_norm(g: np.ndarray, normed: np.ndarray, s: np.ndarray) -> np.ndarray:
    along = (normed * g).mean(axis=1, keepdims=True)
    return (g - g.mean(axis=1, keepdims=True) - normed * along) / s


def test_what_a_layer_does_is_proved():
    for checked in check(layers().derivation):
        assert checked.ok, checked.step.rule
        wrong = replace(checked.step, after=2 * checked.step.after)
        (judged,) = check(replace(layers().derivation, steps=(wrong,)))
        assert not judged.ok
