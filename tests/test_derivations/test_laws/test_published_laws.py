"""The published statements as theorems: proved, broken, and their rules in exact arithmetic."""

from dataclasses import replace
from itertools import product
from math import comb

import pytest
import sympy as sp

from derivations.algebra.letters import DEPTH
from derivations.checker.check import check
from derivations.laws.published_laws import (
    WIDTH,
    path_lengths,
    published_laws,
    spectral_edge,
    spectral_variance,
    spectrum,
    squared_norm_spread,
    transfer,
)

LAWS = {law.id: law for law in published_laws()}


@pytest.mark.parametrize("identifier", LAWS)
def test_every_step_passes_in_two_ways(identifier):
    for checked in check(LAWS[identifier].derivation):
        assert checked.ok, (checked.step.rule, checked.checks)
        assert len(checked.checks) == 2


@pytest.mark.parametrize("identifier", LAWS)
def test_wrong_results_fail_both_ways(identifier):
    law = LAWS[identifier]
    for step in law.derivation.steps:
        for wrong in (
            2 * step.after,
            step.after.subs(DEPTH, DEPTH + 1) if step.after.has(DEPTH) else step.after + 1,
        ):
            (checked,) = check(replace(law.derivation, steps=(replace(step, after=wrong),)))
            assert not any(outcome.ok for outcome in checked.checks), step.rule


def test_path_lengths_are_as_published():
    assert f"{float(path_lengths().result.after):.6f}" == "0.004537"
    assert path_lengths().result.after == sp.Rational(sum(comb(54, k) for k in range(5, 18)), 2**54)


@pytest.mark.parametrize(("relu", "slope", "growth"), [(False, 1, 2), (True, 2, 5)])
def test_the_spread_of_singular_values(relu, slope, growth):
    """((n + 2)(1 + c/n)^L − (n − 1)(1 − 1/n)^L)/3 with c = 2 or 5: the growth rate of ‖h‖⁴ is the
    larger eigenvalue.
    """
    n = WIDTH
    closed = ((n + 2) * (1 + growth / n) ** DEPTH - (n - 1) * (1 - 1 / n) ** DEPTH) / 3
    for depth in (1, 2, 7):
        assert sp.cancel((spectrum(relu)[0] - closed).subs(DEPTH, depth)) == 0
    assert spectral_variance(relu).derivation.steps[-1].after == slope * DEPTH


def gaussian_mean(polynomial: sp.Poly) -> sp.Expr:
    """E of a polynomial in independent N(0, 1): E zᵏ = (k − 1)!! for even k."""
    return sp.Add(
        *(
            c * sp.prod([sp.factorial2(k - 1) if k % 2 == 0 else 0 for k in powers])
            for powers, c in polynomial.terms()
        )
    )


@pytest.mark.parametrize("keep", [sp.Integer(1), sp.Rational(1, 2)])
@pytest.mark.parametrize("n", [1, 2])
def test_isserlis_rules_by_expanding_small_matrices(keep, n):
    """E tr S′²/n and E (tr S′)²/n², S′ = DWSWᵀD, with every entry of W and every mask written out,
    S = diag(1, 3).
    """
    s = sp.diag(*([1, 3][:n]))
    entries = sp.symbols(f"w:{n * n}")
    w = sp.Matrix(n, n, entries)
    found = sp.zeros(2, 1)
    for mask in product((0, 1), repeat=n):
        probability = sp.prod([keep if bit else 1 - keep for bit in mask])
        if probability == 0:
            continue
        t = sp.diag(*mask) * w * s * w.T * sp.diag(*mask) / (n * keep)
        moments = [
            gaussian_mean(sp.Poly(sp.expand(value), *entries))
            for value in ((t * t).trace() / n, t.trace() ** 2 / n**2)
        ]
        found += probability * sp.Matrix(moments)
    start = sp.Matrix([(s * s).trace() / sp.Integer(n), s.trace() ** 2 / sp.Integer(n) ** 2])
    assert transfer(keep).subs(WIDTH, n) * start == found


def test_the_edge_is_as_published():
    values = [float(spectral_edge().result.after.subs(DEPTH, depth)) for depth in (2, 4, 8)]
    assert [f"{value:.3g}" for value in values] == ["6.75", "12.2", "23.1"]


def test_one_layer_of_relu_spreads_norms_by_five_over_n():
    assert squared_norm_spread().result.after == (1 + 5 / WIDTH) ** DEPTH
