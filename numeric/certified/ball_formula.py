"""Evaluates SymPy expressions on python-flint balls.

Every value of the expression for numbers in the balls lies in the result.
"""

from collections.abc import Mapping
from functools import reduce
from operator import add, mul

import sympy as sp
from flint import arb

from derivations.errors import UnknownNodeError
from numeric.certified.balls import root


def ball_of(expr: sp.Expr, values: Mapping[sp.Basic, arb]) -> arb:
    """The ball of a real expression; what stands under a root must be known to be ≥ 0.

    Raises UnknownNodeError for other functions.
    """
    if expr in values:
        return values[expr]
    parts = [ball_of(part, values) for part in expr.args] if not isinstance(expr, sp.Pow) else []
    match expr:
        case sp.Rational():
            return arb(int(expr.p)) / arb(int(expr.q))
        case sp.Add():
            return reduce(add, parts)
        case sp.Mul():
            return reduce(mul, parts)
        case sp.Pow() if expr.exp.is_Integer:
            return power(ball_of(expr.base, values), int(expr.exp))
        case sp.Pow() if expr.exp == sp.Rational(1, 2):
            return root(ball_of(expr.base, values))
        case sp.Max():
            return reduce(arb.max, parts)
        case sp.Min():
            return reduce(arb.min, parts)
        case sp.Abs():
            return abs(parts[0])
    raise UnknownNodeError(f"no ball of {expr}: teach numeric/certified/ball_formula.py")


def power(base: arb, exponent: int) -> arb:
    """base^exponent. Flint gives a ball around 0 no power: it is that of its modulus's ends."""
    if exponent < 0:
        return 1 / power(base, -exponent)
    if exponent % 2:
        return base * power(base, exponent - 1)
    if exponent == 0:
        return arb(1)
    return (base.abs_lower() ** exponent).union(base.abs_upper() ** exponent)
