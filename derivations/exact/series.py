"""Proves limits as a symbol ε tends to 0 from above: expands in powers of ε, with an error term.

A series is Σ c_k ε^k + O(ε^error), the exponents rational, the coefficients free of ε. What has no
such series by the rules below is refused. A power whose exponent moves with ε has one where its
base tends to 1, as (1 + cε)^(1/ε) does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

import sympy as sp

from derivations.errors import UnknownNodeError
from derivations.exact.definedness import is_defined
from derivations.exact.normal_forms import vanishes
from derivations.exact.signs import Signs, signs_of

EXPANDED_TO = Fraction(3)
"""Powers of 1 + u are expanded up to this order relative to their first term."""


@dataclass(frozen=True)
class Series:
    """Coefficients by exponent; without an `error` the series is exact."""

    terms: dict[Fraction, sp.Expr]
    error: Fraction | None = None

    @property
    def order(self) -> Fraction:
        """The series is O of this power of ε."""
        met = [*self.terms, *([] if self.error is None else [self.error])]
        return min(met, default=EXPANDED_TO)

    def at_zero(self) -> sp.Expr:
        return self.terms.get(Fraction(0), sp.S.Zero)

    def beyond(self) -> Fraction | None:
        """How fast the distance to the value at 0 shrinks at least; None where there is none."""
        met = [k for k in self.terms if k > 0] + ([] if self.error is None else [self.error])
        return min(met, default=None)


def tends_to(before: sp.Expr, after: sp.Expr, symbol: sp.Symbol | None) -> bool:
    """Whether the limit of `before` is `after`, as the symbol tends to 0 from above."""
    if symbol is None or not symbol.is_positive or after.has(symbol):
        return False
    signs = signs_of([before, after])
    found = series(before, symbol, signs)
    if found.error is not None and found.error <= 0:
        return False
    poles = [k for exponent, k in found.terms.items() if exponent < 0]
    return all(vanishes(k, signs) for k in poles) and vanishes(found.at_zero() - after, signs)


def exists_near_zero(before: sp.Expr, after: sp.Expr, symbol: sp.Symbol | None) -> bool:
    """Whether the expression exists for small values of the symbol, and its limit.

    A root, or a power whose exponent moves, also exists where its base tends to a number > 0.
    """
    if symbol is None:
        return False
    signs = signs_of([before, after])
    roots = [node.base for node in before.atoms(sp.Pow) if node.exp.is_Rational]
    known = {sp.expand(base) for base in roots if _tends_above_zero(base, symbol, signs)}
    moving = [node for node in before.atoms(sp.Pow) if node.exp.has(symbol)]
    above = {node for node in moving if _tends_above_zero(node.base, symbol, signs)}
    seen = before.xreplace({node: sp.Dummy(positive=True) ** node.exp for node in above})
    bases = [node.base for node in above]
    return is_defined((seen, after, symbol, *bases), frozenset(known))


def _tends_above_zero(base: sp.Expr, symbol: sp.Symbol, signs: Signs) -> bool:
    try:
        found = series(base, symbol, signs)
    except (UnknownNodeError, ValueError):
        return False
    return found.order >= 0 and found.error != 0 and signs.positive(found.at_zero())


def series(expr: sp.Expr, symbol: sp.Symbol, signs: Signs) -> Series:
    """The expansion; raises UnknownNodeError or ValueError for what has none."""
    if not expr.has(symbol):
        return Series({Fraction(0): expr} if expr != 0 else {})
    if expr == symbol:
        return Series({Fraction(1): sp.S.One})
    for node, rule in _RULES.items():
        if isinstance(expr, node):
            return rule(expr, symbol, signs)
    raise UnknownNodeError(
        f"no expansion of {type(expr).__name__}: teach derivations/exact/series.py"
    )


def _least(*errors: Fraction | None) -> Fraction | None:
    return min((each for each in errors if each is not None), default=None)


def _sum_of(*parts: Series) -> Series:
    terms: dict[Fraction, sp.Expr] = {}
    for part in parts:
        for exponent, k in part.terms.items():
            terms[exponent] = terms.get(exponent, sp.S.Zero) + k
    return _cut(terms, _least(*(part.error for part in parts)))


def _cut(terms: dict[Fraction, sp.Expr], error: Fraction | None) -> Series:
    """Without what is 0, and what the error hides."""
    kept = {e: k for e, k in terms.items() if (error is None or e < error) and not vanishes(k)}
    return Series(kept, error)


def _product_of(left: Series, right: Series) -> Series:
    terms: dict[Fraction, sp.Expr] = {}
    for a, j in left.terms.items():
        for b, k in right.terms.items():
            terms[a + b] = terms.get(a + b, sp.S.Zero) + j * k
    errors = [
        one.error + other.order
        for one, other in ((left, right), (right, left))
        if one.error is not None
    ]
    return _cut(terms, _least(*errors))


def _added(expr: sp.Expr, symbol: sp.Symbol, signs: Signs) -> Series:
    return _sum_of(*(series(part, symbol, signs) for part in expr.args))


def _multiplied(expr: sp.Expr, symbol: sp.Symbol, signs: Signs) -> Series:
    result = Series({Fraction(0): sp.S.One})
    for part in expr.args:
        result = _product_of(result, series(part, symbol, signs))
    return result


def _raised(expr: sp.Pow, symbol: sp.Symbol, signs: Signs) -> Series:
    base, exponent = series(expr.base, symbol, signs), expr.exp
    if exponent.has(symbol):
        return _moving(base, series(exponent, symbol, signs))
    if exponent.is_Integer and exponent >= 0:
        result = Series({Fraction(0): sp.S.One})
        for _ in range(int(exponent)):
            result = _product_of(result, base)
        return result
    first = base.order
    lead = base.terms.get(first)
    if lead is None:
        raise ValueError("the first term is not known")
    if signs.positive(lead) or (exponent.is_Integer and signs.nonzero(lead)):
        return _expanded(base, first, lead, exponent)
    if first >= 0 and 0 < exponent <= 1:
        # |b^a − c^a| ≤ |b − c|^a for b, c ≥ 0 and 0 < a ≤ 1.
        power = Fraction(int(exponent.p), int(exponent.q))
        beyond = base.beyond()
        error = None if beyond is None else beyond * power
        value = base.at_zero()
        return Series({Fraction(0): value**exponent} if value != 0 else {}, error)
    raise ValueError(f"the sign of {lead} is open")


def _expanded(base: Series, first: Fraction, lead: sp.Expr, exponent: sp.Expr) -> Series:
    """(c ε^m (1 + u))^a, by the binomial series of (1 + u)^a."""
    if first and not exponent.is_Rational:
        raise ValueError("a power of ε whose exponent is not a number")
    shift = first * Fraction(int(exponent.p), int(exponent.q)) if first else Fraction(0)
    rest = {e - first: k / lead for e, k in base.terms.items() if e != first}
    moving = Series(rest, None if base.error is None else base.error - first)
    total, power, factor = (
        Series({Fraction(0): sp.S.One}),
        Series({Fraction(0): sp.S.One}),
        sp.S.One,
    )
    if rest or moving.error is not None:
        for k in count():
            factor = factor * (exponent - k) / (k + 1)
            power = _product_of(power, moving)
            if power.order >= EXPANDED_TO or not power.terms:
                break
            scaled = {e: factor * c for e, c in power.terms.items()}
            total = _sum_of(total, Series(scaled, power.error))
        # What is left out is O of the first power that is.
        total = _cut(total.terms, _least(total.error, power.order))
    head = Series({shift: lead**exponent})
    return _product_of(head, total)


def _moving(base: Series, exponent: Series) -> Series:
    """(1 + u)^v = e^(v ln(1 + u)) where u tends to 0, and v ln(1 + u) to a number."""
    moving = _sum_of(base, Series({Fraction(0): sp.S.NegativeOne}))
    if moving.order <= 0:
        raise UnknownNodeError("no expansion of a power whose exponent moves: its base is not 1")
    logarithm = _powers(moving, lambda k: sp.Rational((-1) ** (k + 1), k))
    power = _product_of(exponent, logarithm)
    limit = power.at_zero()
    rest = _sum_of(power, Series({Fraction(0): -limit}))
    if rest.order <= 0:
        raise ValueError("the exponent has no limit")
    grown = _powers(rest, lambda k: 1 / sp.factorial(k))
    return _product_of(Series({Fraction(0): sp.exp(limit)}), _sum_of(_ONE, grown))


_ONE = Series({Fraction(0): sp.S.One})


def _powers(moving: Series, coefficient: Callable[[int], sp.Expr]) -> Series:
    """Σ_{k≥1} c_k u^k, u being O of a power of ε; what is left out is O of its first power."""
    total, power = Series({}), _ONE
    for k in count(1):
        power = _product_of(power, moving)
        if power.order >= EXPANDED_TO or not power.terms:
            break
        scaled = {e: coefficient(k) * c for e, c in power.terms.items()}
        total = _sum_of(total, Series(scaled, power.error))
    return _cut(total.terms, _least(total.error, power.order))


def _lipschitz(expr: sp.Expr, symbol: sp.Symbol, signs: Signs) -> Series:
    """|a|, a maximum, a minimum move no more than their arguments."""
    parts = [series(part, symbol, signs) for part in expr.args]
    if any(part.order < 0 for part in parts):
        raise ValueError("an argument is not bounded")
    value = expr.func(*(part.at_zero() for part in parts))
    error = _least(*(part.beyond() for part in parts))
    return Series({Fraction(0): value} if value != 0 else {}, error)


def _summed(expr: sp.Sum, symbol: sp.Symbol, signs: Signs) -> Series:
    """A sum of finitely many summands, however many."""
    inner = signs
    for index, low, high in reversed(expr.limits):
        if low.has(symbol) or high.has(symbol):
            raise UnknownNodeError("no expansion of a sum whose limits move")
        inner = inner.within(index, low, high)
    summand = series(expr.function, symbol, inner)
    return Series({e: sp.Sum(k, *expr.limits) for e, k in summand.terms.items()}, summand.error)


_RULES: dict[type, Callable[[sp.Expr, sp.Symbol, Signs], Series]] = {
    sp.Add: _added,
    sp.Mul: _multiplied,
    sp.Pow: _raised,
    sp.Abs: _lipschitz,
    sp.Max: _lipschitz,
    sp.Min: _lipschitz,
    sp.Sum: _summed,
}
