"""Integrals of polynomials times a Gaussian: against quadrature, and refused elsewhere."""

import pytest
import sympy as sp

from derivations.exact.gaussian_integrals import half_line

Z = sp.Symbol("z", real=True)
A = sp.Symbol("a", real=True)
GAUSSIAN = sp.exp(-(Z**2) / 2)


@pytest.mark.parametrize("polynomial", [sp.S.One, Z, Z**2, 3 * Z**5 - Z / 7 + sp.pi])
def test_the_value_is_that_of_quadrature(polynomial):
    integral = sp.Integral(polynomial * GAUSSIAN, (Z, 0, sp.oo))
    assert abs(sp.N(half_line(integral) - integral.evalf(25), 20)) < 1e-15


def test_coefficients_may_be_symbols():
    assert half_line(sp.Integral(A * Z * GAUSSIAN, (Z, 0, sp.oo))) == A


@pytest.mark.parametrize(
    "integral",
    [
        sp.Integral(GAUSSIAN, (Z, -sp.oo, sp.oo)),
        sp.Integral(GAUSSIAN, (Z, 0, 1)),
        sp.Integral(sp.sqrt(Z) * GAUSSIAN, (Z, 0, sp.oo)),
        sp.Integral(sp.exp(-(Z**2)), (Z, 0, sp.oo)),
        sp.Integral(GAUSSIAN * GAUSSIAN.subs(Z, A), (Z, 0, sp.oo), (A, 0, sp.oo)),
    ],
)
def test_any_other_integral_is_left(integral):
    assert half_line(integral) is None
