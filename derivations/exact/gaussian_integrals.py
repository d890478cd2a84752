"""Evaluates integrals of polynomials times a Gaussian over the positive half line, exactly."""

import sympy as sp


def half_line(integral: sp.Integral) -> sp.Expr | None:
    """∫₀^∞ z^k e^{−z²/2} dz = 2^((k−1)/2) Γ((k+1)/2) (Euler's integral), by linearity.

    None for any other integral.
    """
    if len(integral.limits) != 1 or integral.limits[0][1:] != (0, sp.oo):
        return None
    z = integral.limits[0][0]
    polynomial = sp.powsimp(integral.function * sp.exp(z**2 / 2))
    if not polynomial.is_polynomial(z):
        return None
    terms = sp.Poly(polynomial, z).terms()
    return sp.Add(
        *(c * sp.sqrt(2) ** (k - 1) * sp.gamma(sp.Rational(k + 1, 2)) for (k,), c in terms)
    )
