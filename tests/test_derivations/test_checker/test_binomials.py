"""Binomial coefficients: by Gamma functions and induction, factorials, and Pascal's triangle."""

from math import comb

import pytest
import sympy as sp

from derivations.algebra.letters import LAYERS
from derivations.algebra.steps import Step
from derivations.checker.binomials import check_binomials, triangle

K = sp.Symbol("k", integer=True, nonnegative=True)
C = sp.binomial

TRUE = {
    "Pascal's rule": (C(LAYERS + 1, K), C(LAYERS, K) + C(LAYERS, K - 1)),
    "absorption": (K * C(LAYERS, K), LAYERS * C(LAYERS - 1, K - 1)),
    "the sum of a row": (sp.Sum(C(LAYERS, K), (K, 0, LAYERS)), 2**LAYERS),
    "a concrete sum": (sp.Sum(C(10, K), (K, 3, 5)), sp.Integer(120 + 210 + 252)),
}
FALSE = {
    "Pascal's rule with the wrong neighbour": (C(LAYERS + 1, K), C(LAYERS, K) + C(LAYERS, K + 1)),
    "Pascal's rule with the wrong sign": (C(LAYERS + 1, K), C(LAYERS, K) - C(LAYERS, K - 1)),
    "the sum of the next row": (sp.Sum(C(LAYERS, K), (K, 0, LAYERS)), 2 ** (LAYERS + 1)),
    "a polynomial of the right base": (sp.Sum(C(LAYERS, K), (K, 0, LAYERS)), 2 * LAYERS),
    "a sum that starts at 1": (sp.Sum(C(LAYERS, K), (K, 1, LAYERS)), 2**LAYERS),
    "a sum that starts at 1, right at l = 1": (
        sp.Sum(C(LAYERS, K), (K, 1, LAYERS)),
        2 ** (LAYERS - 1),
    ),
    "the squares of a row, right at l = 1": (sp.Sum(C(LAYERS, K) ** 2, (K, 0, LAYERS)), 2**LAYERS),
    "a weighted sum": (sp.Sum(K * C(LAYERS, K), (K, 0, LAYERS)), 2**LAYERS),
    "a concrete sum with one term too many": (
        sp.Sum(C(10, K), (K, 2, 5)),
        sp.Integer(120 + 210 + 252),
    ),
}


def both(before: sp.Expr, after: sp.Expr, relation: str = "=") -> list[bool]:
    return [bool(test()) for test in check_binomials(Step("x", before, relation, after)).values()]


@pytest.mark.parametrize("name", TRUE)
def test_true_identities_pass_both_ways(name):
    assert both(*TRUE[name]) == [True, True]


@pytest.mark.parametrize("name", FALSE)
def test_false_identities_fail_both_ways(name):
    assert both(*FALSE[name]) == [False, False]


def test_an_inequality_is_refused():
    assert both(C(LAYERS, K), C(LAYERS, K), ">=") == [False, False]


def test_the_triangle_is_pascals():
    assert all(triangle(n) == tuple(comb(n, k) for k in range(n + 1)) for n in range(30))
