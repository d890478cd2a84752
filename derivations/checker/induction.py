"""Proves equalities of sums and products for every number of layers l by induction.

A sum whose upper limit is l + constant grows by its last summand when l does; a product, by its
last factor. Knows no rule of `equations.py`.
"""

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits


def holds_by_induction(before: sp.Expr, after: sp.Expr, layers: sp.Symbol) -> bool:
    """Whether before = after at l = 1, and at l + 1 wherever at l. False also means: not of the
    form that this proof needs.
    """
    difference = (before - after).replace(sp.Sum, _factored_out)
    runs = sorted(difference.atoms(sp.Sum, sp.Product), key=str)
    if (
        not runs
        or not all(_grows(run, layers) for run in runs)
        or _is_nested(runs)
        or not _is_defined(difference)
    ):
        return False
    base = difference.xreplace({run: _first(run, layers) for run in runs}).subs(layers, 1)
    values = [sp.Dummy(real=True) for _ in runs]
    at = difference.xreplace(dict(zip(runs, values, strict=True)))
    grown = {value: _grown(run, value) for run, value in zip(runs, values, strict=True)}
    later = at.subs(layers, layers + 1).subs(grown, simultaneous=True)
    return _is_zero(base) and _follows(at, later, values)


def _factored_out(function: sp.Expr, *limits: sp.Tuple) -> sp.Expr:
    """A sum, with what does not move with its indices taken out of it."""
    fixed, moving = sp.expand(function).as_independent(
        *(limit[0] for limit in limits), as_Add=False
    )
    return fixed * sp.Sum(moving, *limits)


def _grows(run: ExprWithLimits, layers: sp.Symbol) -> bool:
    """Whether l is met only in the upper limit, as l + constant, and the run is not empty beyond
    what l = 1 makes it.
    """
    if len(run.limits) != 1:
        return False
    _, low, high = run.limits[0]
    return bool(
        (high - layers).is_Integer
        and low.is_Integer
        and high.subs(layers, 1) - low >= -1
        and not run.function.has(layers)
    )


def _is_nested(runs: list[ExprWithLimits]) -> bool:
    return any(run.function.has(sp.Sum, sp.Product) for run in runs)


def _is_defined(expr: sp.Expr) -> bool:
    """Whether nothing that may be 0 is divided by."""
    return all(power.exp.is_nonnegative or power.base.is_nonzero for power in expr.atoms(sp.Pow))


def _first(run: ExprWithLimits, layers: sp.Symbol) -> sp.Expr:
    """The run at l = 1, written out."""
    variable, low, high = run.limits[0]
    values = range(int(low), int(high.subs(layers, 1)) + 1)
    return (sp.Add if isinstance(run, sp.Sum) else sp.Mul)(
        *(run.function.subs(variable, value) for value in values)
    )


def _grown(run: ExprWithLimits, value: sp.Expr) -> sp.Expr:
    variable, _, high = run.limits[0]
    last = run.function.subs(variable, high + 1)
    return value + last if isinstance(run, sp.Sum) else value * last


def _follows(at: sp.Expr, later: sp.Expr, values: list[sp.Expr]) -> bool:
    """Whether `later` = 0 follows from `at` = 0: they are equal, or what `at` says of a single run
    makes `later` vanish.
    """
    if _is_zero(later - at):
        return True
    if len(values) != 1:
        return False
    slope, rest = sp.diff(at, values[0]), at.subs(values[0], 0)
    return bool(
        not slope.has(values[0])
        and slope.is_nonzero
        and _is_zero(later.subs(values[0], -rest / slope))
    )


def _is_zero(expr: sp.Expr) -> bool:
    expanded = sp.expand(expr)
    return bool(expanded == 0 or sp.cancel(expanded) == 0)
