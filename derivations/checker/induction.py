"""Proves equalities of sums and products for every number of layers by induction.

A sum whose upper limit is l + constant grows by its last summand when l does; a product, by its
last factor. Knows no rule of `equations.py`.
"""

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits

from derivations.algebra.letters import BLOCK
from derivations.exact.definedness import is_defined
from derivations.exact.normal_forms import vanishes
from derivations.exact.signs import Signs, signs_of

LONGEST_START = 64
"""A sum that has more summands where the induction starts is not proved."""


def holds_by_induction(before: sp.Expr, after: sp.Expr, layers: sp.Symbol) -> bool:
    """Whether both exist for every l, and before = after at the least l, and at l + 1 wherever at
    l. False also means: not of the form that this proof needs.

    The least l is 1, or i + 1 where a block i of the l is meant.
    """
    difference = (before - after).replace(
        sp.Sum, lambda function, *limits: _factored_out(function, limits, layers)
    )
    runs = sorted(difference.atoms(sp.Sum, sp.Product), key=str)
    if not runs or not layers.is_integer or not layers.is_positive or _is_nested(runs):
        return False
    least = BLOCK + 1 if BLOCK in difference.free_symbols else sp.S.One
    if not all(_grows(run, layers, least) for run in runs):
        return False
    if not is_defined([before, after]):
        return False
    base = difference.xreplace({run: _first(run, layers, least) for run in runs})
    values = [sp.Dummy(real=True) for _ in runs]
    at = difference.xreplace(dict(zip(runs, values, strict=True)))
    grown = {value: _grown(run, value) for run, value in zip(runs, values, strict=True)}
    later = at.subs(layers, layers + 1).subs(grown, simultaneous=True)
    return vanishes(base.subs(layers, least)) and _follows(
        at, later, values, signs_of([before, after])
    )


def _factored_out(function: sp.Expr, limits: tuple[sp.Tuple, ...], layers: sp.Symbol) -> sp.Expr:
    """A sum, with the factors that do not move with its indices taken out of it."""
    indices = [limit[0] for limit in limits]
    fixed, moving = function.as_independent(*indices, as_Add=False)
    if moving.has(layers):
        fixed, moving = sp.expand(function).as_independent(*indices, as_Add=False)
    return fixed * sp.Sum(moving, *limits)


def _grows(run: ExprWithLimits, layers: sp.Symbol, least: sp.Expr) -> bool:
    """Whether l is met only in the upper limit, as l + constant, and the run is not empty beyond
    what the least l makes it.
    """
    if len(run.limits) != 1:
        return False
    _, low, high = run.limits[0]
    length = sp.expand(high.subs(layers, least) - low + 1)
    return bool(
        (high - layers).is_Integer
        and not low.has(layers)
        and length.is_Integer
        and 0 <= length <= LONGEST_START
        and not run.function.has(layers)
    )


def _is_nested(runs: list[ExprWithLimits]) -> bool:
    return any(run.function.has(sp.Sum, sp.Product) for run in runs)


def _first(run: ExprWithLimits, layers: sp.Symbol, least: sp.Expr) -> sp.Expr:
    """The run at the least l, written out."""
    variable, low, high = run.limits[0]
    length = int(sp.expand(high.subs(layers, least) - low + 1))
    return (sp.Add if isinstance(run, sp.Sum) else sp.Mul)(
        *(run.function.subs(variable, low + k) for k in range(length))
    )


def _grown(run: ExprWithLimits, value: sp.Expr) -> sp.Expr:
    variable, _, high = run.limits[0]
    last = run.function.subs(variable, high + 1)
    return value + last if isinstance(run, sp.Sum) else value * last


def _follows(at: sp.Expr, later: sp.Expr, values: list[sp.Expr], signs: Signs) -> bool:
    """Whether `later` = 0 follows from `at` = 0: they are equal, or what `at` says of one run
    makes `later` vanish.
    """
    if vanishes(later - at, signs):
        return True
    for value in values:
        slope, rest = sp.diff(at, value), at.subs(value, 0)
        if not slope.has(value) and signs.nonzero(slope):
            return vanishes(later.subs(value, -rest / slope), signs)
    return False
