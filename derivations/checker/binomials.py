"""Judges equalities of binomial coefficients. Knows no rule of `stacks.py`.

For every l: Gamma functions, and Pascal's rule summed by induction; beside them Pascal's triangle,
which only adds, for l = 1…12. Concrete ones: factorials and Pascal's triangle.
"""

from collections.abc import Callable, Set
from functools import lru_cache

import sympy as sp

from derivations.algebra.letters import LAYERS
from derivations.algebra.steps import Step
from derivations.checker.symbolic_sums import expand_sums
from derivations.exact.normal_forms import vanishes

TABULATED = range(1, 13)


class _ByTriangle(sp.Function):
    """The binomial coefficient, looked up in Pascal's triangle once its arguments are numbers."""

    @classmethod
    def eval(cls, n: sp.Expr, k: sp.Expr) -> sp.Expr | None:
        if n.is_Integer and k.is_Integer:
            return sp.Integer(triangle(int(n))[int(k)]) if 0 <= k <= n else sp.Integer(0)
        return None


class _ByFactorials(sp.Function):
    """The binomial coefficient n! / (k! (n − k)!), once its arguments are numbers."""

    @classmethod
    def eval(cls, n: sp.Expr, k: sp.Expr) -> sp.Expr | None:
        if n.is_Integer and k.is_Integer:
            return (
                sp.factorial(n) / (sp.factorial(k) * sp.factorial(n - k))
                if 0 <= k <= n
                else sp.Integer(0)
            )
        return None


def has_binomials(kinds: Set[type]) -> bool:
    """Whether a step with nodes of these types speaks of binomial coefficients that are not numbers
    yet.
    """
    return sp.binomial in kinds


def check_binomials(step: Step) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name; only equalities can pass."""
    difference = step.before - step.after if step.relation == "=" else sp.Integer(1)
    if not difference.has(LAYERS):
        return {
            "factorials": lambda: _number(difference, _ByFactorials) == 0,
            "Pascal's triangle": lambda: _number(difference, _ByTriangle) == 0,
        }
    proof = _summed_by_pascal if difference.has(sp.Sum) else _by_gamma_functions
    name = (
        "Pascal's rule summed, by induction over l" if difference.has(sp.Sum) else "Gamma functions"
    )
    return {
        name: lambda: proof(step),
        "Pascal's triangle for l = 1…12": lambda: all(_tabulated(difference, n) for n in TABULATED),
    }


@lru_cache(maxsize=1024)
def triangle(n: int) -> tuple[int, ...]:
    """Row n of Pascal's triangle, by additions alone."""
    if n == 0:
        return (1,)
    above = triangle(n - 1)
    return tuple(left + right for left, right in zip((0, *above), (*above, 0), strict=True))


def _by_gamma_functions(step: Step) -> bool:
    return _vanishes(step.before - step.after)


def _vanishes(difference: sp.Expr) -> bool:
    """By Γ(a + 1) = a Γ(a), powers being letters of their own. A binomial coefficient is continuous
    in its lower index, so that what holds between the integers holds at them.
    """
    return vanishes(difference.replace(sp.binomial, _by_gamma))


def _by_gamma(n: sp.Expr, k: sp.Expr) -> sp.Expr:
    return sp.gamma(n + 1) / (sp.gamma(k + 1) * sp.gamma(n - k + 1))


def _summed_by_pascal(step: Step) -> bool:
    """Σ_{k=0..l} C(l, k) = h(l): true at l = 1, and both sides double, the left by C(l+1, k) = C(l,
    k) + C(l, k−1).
    """
    total, closed = step.before, step.after
    if not isinstance(total, sp.Sum) or len(total.limits) != 1 or closed.has(sp.Sum):
        return False
    summand, (k, low, high) = total.function, total.limits[0]
    # Pascal's rule shifts k by one, past either end of the sum: there the summand must be 0.
    if (low, high) != (0, LAYERS) or summand.subs(k, -1) != 0 or summand.subs(k, LAYERS + 1) != 0:
        return False
    pascal = summand.subs(LAYERS, LAYERS + 1) - summand - summand.subs(k, k - 1)
    doubled = closed.subs(LAYERS, LAYERS + 1) - 2 * closed
    return _vanishes(pascal) and vanishes(doubled) and expand_sums(total - closed, 1) == 0


def _tabulated(difference: sp.Expr, layers: int) -> bool:
    """Whether the difference vanishes on the triangle, whatever index 0…l+1 the free one is."""
    at = difference.replace(sp.binomial, _ByTriangle)
    indices = sorted(at.free_symbols - {LAYERS}, key=str)
    if len(indices) > 1:
        return False
    cases = (
        [at.xreplace({indices[0]: sp.Integer(k)}) for k in range(layers + 2)] if indices else [at]
    )
    return all(expand_sums(case, layers) == 0 for case in cases)


def _number(difference: sp.Expr, coefficient: type[sp.Function]) -> sp.Expr:
    return expand_sums(difference.replace(sp.binomial, coefficient), 1)
