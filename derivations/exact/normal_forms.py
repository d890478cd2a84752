"""Proves that real expressions are equal, by polynomial arithmetic over ℚ.

An expression that exists on its whole domain (see `definedness.py`) is written as a fraction of
polynomials in atoms: symbols, entries, roots, powers, Gamma functions, sums. Fractions that agree
as fractions agree wherever they exist. Relations between atoms are used where they are identities
for real numbers: r^q = b of a root, Γ(a + 1) = a Γ(a), |a|² = a², sin² + cos² = 1.
"""

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache

import sympy as sp
from flint import fmpq

from derivations.errors import UnknownNodeError
from derivations.exact.polynomials import (
    ONE,
    Fraction,
    Monomial,
    Polynomial,
    cancelled,
    constant,
    frozen,
    multiplied,
    raised,
    replaced,
    total,
    variable,
    whole,
)
from derivations.exact.signs import Signs, signs_of

MOST_REPLACEMENTS = 200
"""A zero test that needs more is given up."""

Relations = Mapping[sp.Expr, sp.Expr]
"""Powers of symbols, and what they are equal to."""


def vanishes(expr: sp.Expr, signs: Signs | None = None, relations: Relations | None = None) -> bool:
    """Whether the expression is 0 wherever it exists, given the relations."""
    expr = sp.sympify(expr)
    if expr.is_Number:
        return bool(expr == 0)
    forms = _Forms(signs or signs_of([expr]))
    polynomial = forms.fraction(expr).numerator
    for left, right in (relations or {}).items():
        base, exponent = left.as_base_exp()
        if base.is_Symbol and exponent.is_Integer and exponent > 0 and not right.has(base):
            forms.relations[base] = (int(exponent), forms.fraction(right))
    return not forms.reduced(polynomial)


def equal(left: sp.Expr, right: sp.Expr, signs: Signs | None = None) -> bool:
    """Whether two expressions agree wherever both exist."""
    return bool(left == right) or vanishes(left - right, signs)


class _Forms:
    """Writes the expressions of one zero test as fractions; keeps the relations of its atoms."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        self.relations: dict[Hashable, tuple[int, Fraction]] = {}
        self.free: dict[Hashable, frozenset[sp.Basic]] = {}
        self.shifted: dict[Hashable, dict[int, Hashable]] = {}
        self.steps: dict[Hashable, Callable[[int], Fraction]] = {}

    def fraction(self, expr: sp.Expr) -> Fraction:
        for node, rule in _RULES.items():
            if isinstance(expr, node):
                return rule(self, expr)
        raise UnknownNodeError(
            f"no normal form of {type(expr).__name__}: teach derivations/exact/normal_forms.py"
        )

    def atom(self, key: Hashable, free: frozenset[sp.Basic], power: int = 1) -> Fraction:
        """A power of an atom, its free symbols noted."""
        self.free[key] = free
        return raised(whole(variable(key)), power)

    def reduced(self, polynomial: Polynomial) -> Polynomial:
        """The polynomial after all relations, up to factors that are not 0."""
        for group, shifts in self.shifted.items():
            least = min(shifts)
            for shift, atom in shifts.items():
                if shift > least:
                    ratio = multiplied(self.steps[group](k) for k in range(least, shift))
                    value = multiplied([ratio, whole(variable(shifts[least]))])
                    self.relations[atom] = (1, value)
        for _ in range(MOST_REPLACEMENTS):
            usable = next(
                (
                    atom
                    for monomial in polynomial
                    for atom, power in monomial
                    if atom in self.relations and power >= self.relations[atom][0]
                ),
                None,
            )
            if usable is None:
                return polynomial
            polynomial = replaced(polynomial, usable, *self.relations[usable])
        raise ValueError("too many relations: the zero test is given up")

    def key(self, expr: sp.Expr) -> Hashable:
        """The same for expressions that are written alike as fractions."""
        return _frozen(self.fraction(expr))

    def shift(
        self, group: Hashable, by: int, step: Callable[[int], Fraction], free: frozenset[sp.Basic]
    ) -> Fraction:
        """An atom of a group f(c), c an integer, with f(c + 1) = step(c) · f(c).

        All are written by the one of least c that is met: that one exists.
        """
        atom = (group, by)
        self.shifted.setdefault(group, {})[by] = atom
        self.steps[group] = step
        return self.atom(atom, free)


def _frozen(fraction: Fraction) -> Hashable:
    """A hashable; of a polynomial, whatever its constant denominator is."""
    top, bottom = fraction.numerator, fraction.denominator
    if len(bottom) == 1 and not next(iter(bottom)):
        scale = next(iter(bottom.values()))
        top, bottom = {m: k / scale for m, k in top.items()}, ONE
    return frozen(top), frozen(bottom)


def _power(forms: _Forms, expr: sp.Pow) -> Fraction:
    base, exponent = expr.base, expr.exp
    if exponent.is_Integer:
        return raised(forms.fraction(base), int(exponent))
    if exponent.is_Rational:
        return multiplied(
            raised(_root(forms, factor, int(exponent.q)), int(exponent.p) * times)
            for factor, times in _prime_factors(base)
        )
    if (base.is_Rational and base > 0) or forms.signs.positive(base):
        return multiplied(
            raised(_exponential(forms, factor, term), count * times)
            for factor, times in _prime_factors(base)
            for term, count in _terms(exponent)
        )
    whole_part, rest = _split(exponent)
    ratio = forms.fraction(base)
    free = frozenset(expr.free_symbols)
    return forms.shift(("power", _frozen(ratio), rest), whole_part, lambda _: ratio, free)


def _prime_factors(base: sp.Expr) -> list[tuple[sp.Expr, int]]:
    """The primes of a positive number; any other base is left as it is."""
    if base.is_Rational and base > 0:
        return [(sp.Integer(p), int(k)) for p, k in sp.factorrat(base).items()]
    return [(base, 1)]


def _root(forms: _Forms, base: sp.Expr, degree: int) -> Fraction:
    """The root of a base ≥ 0."""
    value = forms.fraction(base)
    key = ("root", degree, _frozen(value))
    forms.relations[key] = (degree, value)
    return forms.atom(key, frozenset(base.free_symbols))


def _terms(exponent: sp.Expr) -> list[tuple[sp.Expr, int]]:
    """An exponent as a sum of whole multiples."""
    return [
        (term, int(k)) if k.is_Integer else (k * term, 1)
        for term, k in sp.expand(exponent).as_coefficients_dict().items()
    ]


def _exponential(forms: _Forms, base: sp.Expr, exponent: sp.Expr) -> Fraction:
    """b^e of a base > 0, where b^(d + e) = b^d b^e."""
    if exponent == 1:
        return forms.fraction(base)
    value = base if base.is_Atom else sp.cancel(base)
    free = frozenset(base.free_symbols | exponent.free_symbols)
    return forms.atom(("exponential", value, exponent), free)


def _split(expr: sp.Expr) -> tuple[int, sp.Expr]:
    """The integer below the constant term, and the rest."""
    expanded = sp.expand(expr)
    below = sp.floor(expanded.as_coeff_Add()[0])
    return int(below), expanded - below


def _gamma(forms: _Forms, expr: sp.Expr) -> Fraction:
    by, rest = _split(expr.args[0])
    if rest == 0:
        return forms.fraction(sp.factorial(by - 1))
    free = frozenset(expr.free_symbols)
    return forms.shift(("gamma", rest), by, lambda k: forms.fraction(rest + k), free)


def _absolute(forms: _Forms, expr: sp.Expr) -> Fraction:
    value = forms.fraction(expr.args[0])
    key = ("absolute", _frozen(value))
    forms.relations[key] = (2, raised(value, 2))
    return forms.atom(key, frozenset(expr.free_symbols))


def _sine(forms: _Forms, expr: sp.Expr) -> Fraction:
    key = ("sine", forms.key(expr.args[0]))
    cosine = forms.fraction(sp.cos(expr.args[0]))
    negated = multiplied([whole(constant(fmpq(-1))), raised(cosine, 2)])
    forms.relations[key] = (2, total([whole(ONE), negated]))
    return forms.atom(key, frozenset(expr.free_symbols))


def _opaque(forms: _Forms, expr: sp.Expr) -> Fraction:
    """A function of its arguments; the order of those of a maximum does not matter."""
    keys = [forms.key(arg) for arg in expr.args]
    args = frozenset(keys) if isinstance(expr, (sp.Max, sp.Min)) else tuple(keys)
    return forms.atom((type(expr).__name__, args), frozenset(expr.free_symbols))


def _sum(forms: _Forms, expr: sp.Sum) -> Fraction:
    """Linear in its summand; what does not move with the index stands before it."""
    *within, (index, low, high) = expr.limits
    body = sp.expand(sp.Sum(expr.function, *within) if within else expr.function)
    if isinstance(body, sp.Add):
        return total([forms.fraction(sp.Sum(part, (index, low, high))) for part in body.args])
    place = _placeholder(_height(body))
    inner = _inside(forms, place, low, high)
    summand = cancelled(inner.fraction(body.xreplace({index: place})))
    if any(place in inner.free[atom] for m in summand.denominator for atom, _ in m):
        return _run(forms, expr, _frozen(summand), low, high)
    parts = []
    for monomial, k in summand.numerator.items():
        moving = frozenset((a, power) for a, power in monomial if place in inner.free[a])
        fixed: Monomial = monomial - moving
        repeated = (
            _run(forms, expr, moving, low, high) if moving else forms.fraction(high - low + 1)
        )
        parts.append(multiplied([Fraction({fixed: k}, summand.denominator), repeated]))
    return total(parts)


def _product(forms: _Forms, expr: sp.Product) -> Fraction:
    if len(expr.limits) != 1:
        raise UnknownNodeError("no normal form of a product over two indices")
    ((index, low, high),) = expr.limits
    place = _placeholder(_height(expr.function))
    inner = _inside(forms, place, low, high)
    factor = _frozen(inner.fraction(expr.function.xreplace({index: place})))
    return _run(forms, expr, factor, low, high)


def _inside(forms: _Forms, place: sp.Symbol, low: sp.Expr, high: sp.Expr) -> _Forms:
    """Forms where an index runs; the atoms are the same."""
    inner = _Forms(forms.signs.within(place, low, high))
    inner.relations, inner.free, inner.shifted = forms.relations, forms.free, forms.shifted
    inner.steps = forms.steps
    return inner


def _run(
    forms: _Forms,
    expr: sp.Expr,
    body: Hashable,
    low: sp.Expr,
    high: sp.Expr,
) -> Fraction:
    """A sum or product as an atom of its own."""
    key = (type(expr).__name__, body, sp.expand(low), sp.expand(high))
    return forms.atom(key, frozenset(expr.free_symbols))


@lru_cache(maxsize=16)
def _placeholder(height: int) -> sp.Symbol:
    """What an index is called that has so many sums within its own: a name that no letter has."""
    return sp.Dummy(f"{height}", integer=True)


def _height(expr: sp.Expr) -> int:
    """How deeply sums and products are nested."""
    own = len(expr.limits) if isinstance(expr, (sp.Sum, sp.Product)) else 0
    return own + max(map(_height, expr.args), default=0)


def _symbol(forms: _Forms, expr: sp.Expr) -> Fraction:
    return forms.atom(expr, frozenset(expr.free_symbols))


def _entry(forms: _Forms, expr: sp.Indexed) -> Fraction:
    at = tuple(sp.expand(index) for index in expr.indices)
    return forms.atom(("entry", expr.base, at), frozenset(expr.free_symbols))


_RULES: dict[type, Callable[[_Forms, sp.Expr], Fraction]] = {
    sp.Rational: lambda _, expr: whole(constant(fmpq(int(expr.p), int(expr.q)))),
    sp.NumberSymbol: _symbol,
    sp.Symbol: _symbol,
    sp.Indexed: _entry,
    sp.Add: lambda forms, expr: total([forms.fraction(arg) for arg in expr.args]),
    sp.Mul: lambda forms, expr: multiplied([forms.fraction(arg) for arg in expr.args]),
    sp.Pow: _power,
    sp.Abs: _absolute,
    sp.sin: _sine,
    sp.cos: _opaque,
    sp.exp: _opaque,
    sp.atan: _opaque,
    sp.Max: _opaque,
    sp.Min: _opaque,
    sp.gamma: _gamma,
    sp.Sum: _sum,
    sp.Product: _product,
}
