"""Writes logarithms of positive numbers as sums: the logarithm of a product, a power, Γ(a + 1).

Only for what is proved to be > 0: there log(ab) = log a + log b holds, and log(b^e) = e log b.
"""

import sympy as sp

from derivations.errors import InputError
from derivations.exact.signs import Signs


class Logarithms:
    """One symbol for each logarithm that is not a sum of others."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        self._symbols: dict[sp.Expr, sp.Symbol] = {}

    def log(self, expr: sp.Expr) -> sp.Expr:
        """log of an expression; raises InputError for one that may not be > 0."""
        if not self.signs.positive(expr):
            raise InputError(f"log({expr}) is not known to exist: its argument may not be > 0")
        match expr:
            case sp.Rational():
                return sp.Add(*(k * self._of(sp.Integer(p)) for p, k in sp.factorrat(expr).items()))
            case sp.Mul() if all(map(self.signs.positive, expr.args)):
                return sp.Add(*map(self.log, expr.args))
            case sp.Pow() if self.signs.positive(expr.base):
                return expr.exp * self.log(expr.base)
            case sp.gamma():
                return self._of_gamma(expr.args[0])
            case sp.Add():
                factored = sp.factor(sp.together(expr))
                if not isinstance(factored, sp.Add):
                    return self.log(factored)
                return self._of(factored)
        return self._of(expr)

    def _of(self, expr: sp.Expr) -> sp.Symbol:
        return self._symbols.setdefault(expr, sp.Dummy(real=True))

    def _of_gamma(self, argument: sp.Expr) -> sp.Expr:
        """log Γ(a) by that of the least a − m > 0, m an integer."""
        total, least = sp.S.Zero, sp.expand(argument)
        while least.as_coeff_Add()[0] >= 1 and self.signs.positive(least - 1):
            least = sp.expand(least - 1)
            total += self.log(least)
        return total + (self._of(sp.gamma(least)) if least != 1 else sp.S.Zero)
