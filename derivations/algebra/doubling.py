"""Solves the recurrence of everything that each layer doubles: paths, and copies of features."""

from functools import lru_cache

import sympy as sp

from derivations.algebra.letters import LAYERS


def doubled(n: sp.Expr) -> sp.Expr:
    """c(n) where c(1) = 1 and c(n + 1) = 1 + Σ_{m=1..n} c(m), that is c(n + 1) = 2 c(n)."""
    return _solved().subs(LAYERS, n)


@lru_cache(maxsize=1)
def _solved() -> sp.Expr:
    count = sp.Function("c")
    return sp.rsolve(count(LAYERS + 1) - 2 * count(LAYERS), count(LAYERS), {count(1): 1})
