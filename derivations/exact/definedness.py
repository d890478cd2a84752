"""Decides whether an expression is a real number everywhere on the declared domain of its symbols.

One rule per node; a node without a rule, and whatever cannot be shown to exist, is refused. A power
of an integer exponent 0 is 1, also of 0: that is what recurrences mean by it.
"""

from collections.abc import Callable, Iterable

import sympy as sp

from derivations.algebra.letters import DEPTH, LAYERS
from derivations.exact.signs import Signs, signs_of

_CONTINUOUS = (sp.Number, sp.NumberSymbol, sp.Symbol, sp.Add, sp.Mul, sp.sin, sp.cos)


def is_defined(exprs: Iterable[sp.Expr], known: Iterable[sp.Expr] = ()) -> bool:
    """Whether all expressions of a step exist, wherever its symbols are, and no index is bound and
    free at once. `known` are expressions ≥ 0 by what was established elsewhere.
    """
    exprs = tuple(map(sp.sympify, exprs))
    signs = signs_of(exprs, frozenset(known))
    bound = {run.limits[k][0] for e in exprs for run in _runs(e) for k in range(len(run.limits))}
    if bound & (signs.free | {LAYERS, DEPTH}):
        return False
    return all(exists(expr, signs) for expr in exprs)


def _runs(expr: sp.Expr) -> set[sp.Expr]:
    found: set[sp.Expr] = expr.atoms(sp.Sum, sp.Product, sp.Integral)
    return found


def exists(expr: sp.Expr, signs: Signs) -> bool:
    """Whether the expression is a real number wherever these signs are."""
    for node, rule in _RULES.items():
        if isinstance(expr, node):
            return rule(expr, signs)
    return False


def _parts_exist(expr: sp.Expr, signs: Signs) -> bool:
    return all(exists(part, signs) for part in expr.args)


def _is_real(expr: sp.Expr, signs: Signs) -> bool:
    return bool(expr.is_real and expr.is_finite is not False and expr.is_commutative)


def _entry_exists(expr: sp.Indexed, signs: Signs) -> bool:
    """An entry of a sequence of real numbers that begins at 0."""
    # SymPy allows any object for an index.
    return (
        expr.base.shape is None
        and _is_real(expr, signs)
        and all(
            isinstance(at, sp.Expr)
            and _is_whole(at)
            and exists(at, signs)
            and signs.nonnegative(at)
            for at in expr.indices
        )
    )


def _is_whole(expr: sp.Expr) -> bool:
    """Whether the expression is an integer: whole multiples of integers."""
    return all(
        k.is_Integer and (m == 1 or all(s.is_Symbol and s.is_integer for s in _letters(m)))
        for m, k in sp.expand(expr).as_coefficients_dict().items()
    )


def _letters(monomial: sp.Expr) -> list[sp.Expr]:
    """The factors of a monomial, without their powers where those are positive integers."""
    found = []
    for factor in sp.Mul.make_args(monomial):
        base, power = factor.as_base_exp()
        found.append(base if power.is_Integer and power > 0 else factor)
    return found


def _power_exists(expr: sp.Pow, signs: Signs) -> bool:
    base, exponent = expr.base, expr.exp
    if not _parts_exist(expr, signs):
        return False
    if exponent.is_Integer:
        return bool(exponent >= 0) or signs.nonzero(base)
    if signs.positive(base):
        return True
    if _is_whole(exponent):
        return signs.nonzero(base) or signs.nonnegative(exponent)
    return signs.nonnegative(base) and signs.positive(exponent)


def _run_exists(expr: sp.Expr, signs: Signs) -> bool:
    """A sum or product that never runs backwards, over indices that keep to their own domain."""
    seen: set[sp.Symbol] = set()
    for index, *ends in reversed(expr.limits):
        if len(ends) != 2 or not isinstance(index, sp.Symbol) or index in seen:
            return False
        low, high = ends
        if not all(_is_whole(end) and exists(end, signs) for end in ends):
            return False
        if any(end.free_symbols & {index} for end in ends) or not signs.nonnegative(high + 1 - low):
            return False
        if not _keeps_to_its_domain(index, low, signs):
            return False
        seen.add(index)
        signs = signs.within(index, low, high)
    # An index bound again inside means something else there.
    again = {limit[0] for run in _runs(expr.function) for limit in run.limits}
    return not again & seen and exists(expr.function, signs)


def _keeps_to_its_domain(index: sp.Symbol, low: sp.Expr, signs: Signs) -> bool:
    """Whether the index is declared an integer and no more than what its range makes it."""
    declared = index.assumptions0
    for least, claims in ((None, {}), (low, {"nonnegative": True}), (low - 1, {"positive": True})):
        if declared == sp.Symbol("k", integer=True, **claims).assumptions0:
            return least is None or signs.nonnegative(least)
    return False


def _gamma_exists(expr: sp.Expr, signs: Signs) -> bool:
    return _parts_exist(expr, signs) and signs.positive(expr.args[0])


def _binomial_exists(expr: sp.Expr, signs: Signs) -> bool:
    n, _ = expr.args
    return all(map(_is_whole, expr.args)) and _parts_exist(expr, signs) and signs.nonnegative(n)


def _integral_exists(expr: sp.Integral, signs: Signs) -> bool:
    """Of what is continuous, between numbers; or of a polynomial times e^(−z²/2) on z ≥ 0."""
    if len(expr.limits) != 1 or len(expr.limits[0]) != 3:
        return False
    z, low, high = expr.limits[0]
    if not z.is_real or z in low.free_symbols | high.free_symbols or _runs(expr.function):
        return False
    if (low, high) == (0, sp.oo):
        polynomial = sp.powsimp(expr.function * sp.exp(z**2 / 2))
        return bool(polynomial.is_polynomial(z)) and all(
            exists(k, signs) for k in sp.Poly(polynomial, z).coeffs()
        )
    # The sign of the variable is what its declaration says, whatever its range is.
    plain = sp.Dummy(real=True)
    function = expr.function.xreplace({z: plain})
    return (
        z.assumptions0 == sp.Symbol("z", real=True).assumptions0
        and exists(low, signs)
        and exists(high, signs)
        and exists(function, signs)
        and all(
            isinstance(node, _CONTINUOUS) or (isinstance(node, sp.Pow) and node.exp.is_Rational)
            for node in sp.preorder_traversal(function)
        )
    )


_RULES: dict[type, Callable[..., bool]] = {
    sp.Rational: lambda expr, signs: True,
    sp.NumberSymbol: _is_real,
    sp.Symbol: _is_real,
    sp.Indexed: _entry_exists,
    sp.Add: _parts_exist,
    sp.Mul: _parts_exist,
    sp.exp: _parts_exist,
    sp.Pow: _power_exists,
    sp.Abs: _parts_exist,
    sp.Max: _parts_exist,
    sp.Min: _parts_exist,
    sp.sin: _parts_exist,
    sp.cos: _parts_exist,
    sp.atan: _parts_exist,
    sp.Sum: _run_exists,
    sp.Product: _run_exists,
    sp.gamma: _gamma_exists,
    sp.binomial: _binomial_exists,
    sp.Integral: _integral_exists,
}
