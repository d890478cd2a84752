"""Logarithms as sums, of what is positive alone."""

import pytest
import sympy as sp

from derivations.algebra.letters import CHI, LAYERS
from derivations.errors import InputError
from derivations.exact.logarithms import Logarithms
from derivations.exact.signs import signs_of

X = sp.Symbol("x", real=True)
P = sp.Symbol("p", positive=True)


def same(left: sp.Expr, right: sp.Expr) -> bool:
    logs = Logarithms(signs_of([left, right]))
    return sp.expand(logs.log(left) - logs.log(right)) == 0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (P**X * 12, 4 * 3 * P**X),
        (sp.gamma(CHI + 2), CHI * (CHI + 1) * sp.gamma(CHI)),
        (1 + 1 / CHI, (CHI + 1) / CHI),
        (sp.sqrt(P) ** 4, P**2),
        ((LAYERS + 1) ** LAYERS, (LAYERS + 1) ** LAYERS),
        (sp.gamma(LAYERS + 1), LAYERS * sp.gamma(LAYERS)),
    ],
    ids=str,
)
def test_equal_numbers_have_equal_logarithms(left, right):
    assert same(left, right)
    assert not same(left, 2 * right)


@pytest.mark.parametrize("expr", [X, sp.sqrt(X**2), -P, X**2, P - 1, sp.Integer(0)], ids=str)
def test_what_may_not_be_positive_has_none(expr):
    with pytest.raises(InputError, match="not known to exist"):
        Logarithms(signs_of([expr])).log(expr)
