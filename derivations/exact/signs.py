"""Proves signs of real expressions over the declared domain of their symbols.

A sign is proved from the parts of an expression, or where it is affine in monomials of known signs,
from what the domain says of those. Signs that stay open are open: nothing is guessed.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import sympy as sp

from derivations.algebra.letters import BLOCK, DEPTH, LAYERS
from derivations.exact.affine import Constraint, affine, follows
from derivations.exact.gaussian_integrals import half_line

Possible = frozenset[int]
"""Which of the signs −1, 0, 1 an expression may have."""

ANY: Possible = frozenset({-1, 0, 1})
POSITIVE: Possible = frozenset({1})
NONNEGATIVE: Possible = frozenset({0, 1})
NONZERO: Possible = frozenset({-1, 1})


class Signs:
    """What is known of the signs of expressions.

    `known` are expressions ≥ 0 by what was established elsewhere. Inside a sum or a product its
    index has a range too: see `within`.
    """

    def __init__(
        self,
        free: Iterable[sp.Symbol] = (),
        known: frozenset[sp.Expr] = frozenset(),
        ranges: tuple[Constraint, ...] = (),
    ) -> None:
        self.free, self.known, self.ranges = frozenset(free), known, ranges
        self.indices = {s for each in ranges for m in each.function for s in m.free_symbols}
        self._found: dict[sp.Expr, Possible] = {}

    def within(self, index: sp.Symbol, low: sp.Expr, high: sp.Expr) -> "Signs":
        """The same where an index runs from `low` to `high`."""
        ends = (Constraint(affine(index - low)), Constraint(affine(high - index)))
        return Signs(self.free, self.known, (*self.ranges, *ends))

    def nonnegative(self, expr: sp.Expr) -> bool:
        return self.of(expr) <= NONNEGATIVE

    def positive(self, expr: sp.Expr) -> bool:
        return self.of(expr) <= POSITIVE

    def nonzero(self, expr: sp.Expr) -> bool:
        return self.of(expr) <= NONZERO

    def of(self, expr: sp.Expr) -> Possible:
        """The signs that an expression may have where it is defined."""
        if expr not in self._found:
            found = self._structural(expr)
            # Only of sums, and of indices, does the domain say more than their parts do.
            if expr in self.indices or (expr.is_Add and (found == ANY or self.ranges)):
                found = self._affine(expr, found)
            if expr.is_Add and found == ANY:
                found = self._fraction(expr)
            content, primitive = sp.expand(expr).as_content_primitive()
            if sp.expand(expr) in self.known or (content.is_positive and primitive in self.known):
                found &= NONNEGATIVE
            self._found[expr] = found
        return self._found[expr]

    def _structural(self, expr: sp.Expr) -> Possible:
        if not expr.free_symbols and not expr.has(sp.Integral, sp.Sum, sp.Product):
            return _declared(self, expr)
        for node, rule in _RULES.items():
            if isinstance(expr, node):
                return rule(self, expr)
        return ANY

    def _fraction(self, expr: sp.Expr) -> Possible:
        """The signs of a fraction by those of its ends; of a square polynomial without real zeros,
        by its first coefficient.
        """
        values = {each: half_line(each) for each in expr.atoms(sp.Integral)}
        if values and None not in values.values():
            return self.of(expr.xreplace(values))
        if len(expr.free_symbols) > 1 and not any(map(_divides, expr.atoms(sp.Pow, sp.exp))):
            return ANY  # as below, without the work
        top, bottom = sp.fraction(sp.together(expr))
        if bottom.free_symbols:
            return frozenset(a * b for a, b in product(self.of(top), self.of(bottom)))
        if len(top.free_symbols) == 1:
            (symbol,) = top.free_symbols
            if symbol.is_real and top.is_polynomial(symbol) and sp.degree(top, symbol) == 2:
                a, b, c = sp.Poly(top, symbol).all_coeffs()
                if (b**2 - 4 * a * c).is_negative:
                    return frozenset(x * y for x, y in product(self.of(a), self.of(bottom)))
        return ANY

    def _affine(self, expr: sp.Expr, found: Possible) -> Possible:
        """The signs that the domain leaves, the expression being affine in its monomials."""
        function = affine(expr)
        given = [*self.ranges, *self._facts(function)]
        negated = {monomial: -k for monomial, k in function.items()}
        for sign, refuted in ((-1, function), (1, negated)):
            if sign in found and follows(Constraint(refuted), given):
                found -= {sign}
        for refuted in (function, negated):
            if 0 in found and follows(Constraint(refuted, strict=True), given):
                found -= {0}
        return found

    def _facts(self, function: Iterable[sp.Expr]) -> list[Constraint]:
        """What the domain says of the monomials, and of the symbols that bound them."""
        symbols = self.indices | {s for m in function for s in m.free_symbols}
        met = {m for m in (*function, *symbols) if m != sp.S.One}
        met |= {m for each in self.ranges for m in each.function if m != sp.S.One}
        depths = [depth for depth in (DEPTH, LAYERS) if depth in self.free]
        below = depths if BLOCK in self.free and len(depths) == 1 else []
        return [
            *(fact for m in sorted(met, key=str) for fact in self._fact(m)),
            # A block of a stack is one of those that there are.
            *(Constraint(affine(depth - 1 - BLOCK)) for depth in below),
            *(Constraint(affine(depth - 1)) for depth in below),
        ]

    def _fact(self, monomial: sp.Expr) -> list[Constraint]:
        possible = self._structural(monomial)
        if possible <= POSITIVE:
            least = 1 if monomial.is_Symbol and monomial.is_integer else 0
            return [Constraint(affine(monomial - least), strict=not least)]
        if possible <= NONNEGATIVE:
            return [Constraint(affine(monomial))]
        if possible <= frozenset({-1, 0}):
            return [Constraint(affine(-monomial))]
        return []


def _divides(power: sp.Expr) -> bool:
    """Whether it may be written below a fraction's line."""
    exponent = power.exp
    return isinstance(power, sp.exp) or not (exponent.is_Rational and exponent.is_nonnegative)


def _declared(signs: Signs, expr: sp.Expr) -> Possible:
    """What the assumptions of a symbol, of an indexed letter or of a number say."""
    if expr.is_positive:
        return POSITIVE
    if expr.is_zero:
        return frozenset({0})
    if expr.is_negative:
        return frozenset({-1})
    found = ANY
    found -= frozenset({-1}) if expr.is_nonnegative else frozenset()
    found -= frozenset({1}) if expr.is_nonpositive else frozenset()
    return found - frozenset({0}) if expr.is_nonzero else found


def _added(signs: Signs, expr: sp.Expr) -> Possible:
    total: Possible = frozenset({0})
    for part in expr.args:
        total = frozenset(
            s for a, b in product(total, signs.of(part)) for s in ([a or b] if a * b >= 0 else ANY)
        )
    return total


def _multiplied(signs: Signs, expr: sp.Expr) -> Possible:
    total = POSITIVE
    for part in expr.args:
        total = frozenset(a * b for a, b in product(total, signs.of(part)))
    return total


def _raised(signs: Signs, expr: sp.Expr) -> Possible:
    base, exponent = signs.of(expr.base), expr.exp
    if exponent.is_Integer and exponent == 0:
        return POSITIVE
    if exponent.is_Rational:
        base -= frozenset({0}) if exponent < 0 else frozenset()
        # A root that is defined is of a number ≥ 0, and is ≥ 0.
        odd = exponent.q == 1 and exponent.p % 2 == 1
        return base if odd else frozenset(abs(s) for s in base if s >= 0 or exponent.q == 1)
    if base <= NONNEGATIVE:
        # 0⁰ = 1.
        return POSITIVE if base <= POSITIVE else NONNEGATIVE
    return NONZERO if base <= NONZERO else ANY


def _every(choose: Callable[..., int]) -> Callable[[Signs, sp.Expr], Possible]:
    def rule(signs: Signs, expr: sp.Expr) -> Possible:
        return frozenset(choose(each) for each in product(*map(signs.of, expr.args)))

    return rule


def _repeated(signs: Signs, expr: sp.Expr) -> Possible:
    for index, low, high in reversed(expr.limits):
        signs = signs.within(index, low, high)
    found = signs.of(expr.function)
    if isinstance(expr, sp.Product):
        return found if found <= NONNEGATIVE else NONZERO if found <= NONZERO else ANY
    return next((s for s in (NONNEGATIVE, frozenset({-1, 0})) if found <= s), ANY)


def _of_gamma(signs: Signs, expr: sp.Expr) -> Possible:
    return POSITIVE if signs.positive(expr.args[0]) else ANY


def _integrated(signs: Signs, expr: sp.Expr) -> Possible:
    (z, *ends) = expr.limits[0]
    if len(expr.limits) != 1 or tuple(ends) != (0, sp.oo):
        return ANY
    inside = expr.function.xreplace({z: sp.Dummy(positive=True)})
    return POSITIVE if signs.positive(inside) else ANY


_RULES: dict[type, Callable[[Signs, sp.Expr], Possible]] = {
    sp.Number: _declared,
    sp.NumberSymbol: _declared,
    sp.Symbol: _declared,
    sp.Indexed: _declared,
    sp.Add: _added,
    sp.exp: lambda signs, expr: POSITIVE,
    sp.Mul: _multiplied,
    sp.Pow: _raised,
    sp.Abs: _every(lambda each: abs(each[0])),
    sp.Max: _every(max),
    sp.Min: _every(min),
    sp.Sum: _repeated,
    sp.Product: _repeated,
    sp.gamma: _of_gamma,
    sp.Integral: _integrated,
    sp.binomial: lambda signs, expr: NONNEGATIVE,
}


def signs_of(exprs: Sequence[sp.Expr], known: frozenset[sp.Expr] = frozenset()) -> Signs:
    """The signs of expressions of one step: its free symbols are what the domain is about."""
    return Signs({symbol for expr in exprs for symbol in expr.free_symbols}, known)
