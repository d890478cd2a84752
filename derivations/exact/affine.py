"""Decides affine inequalities over a polyhedron, exactly: Fourier–Motzkin elimination over ℚ.

Answers no where it gives up: a yes is a proof.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

import sympy as sp

Affine: TypeAlias = Mapping[sp.Expr, Fraction]
"""Coefficients of monomials; the constant stands at 1."""

MOST_CONSTRAINTS = 300
"""More than this are given up."""


@dataclass(frozen=True)
class Constraint:
    """The affine function is ≥ 0, or > 0 where `strict`."""

    function: Affine
    strict: bool = False

    def __hash__(self) -> int:
        return hash((frozenset(self.function.items()), self.strict))


@lru_cache(maxsize=4096)
def affine(expr: sp.Expr) -> Affine:
    """The expanded expression, every monomial taken for a variable of its own."""
    coefficients = sp.expand(expr).as_coefficients_dict().items()
    return MappingProxyType({m: Fraction(int(k.p), int(k.q)) for m, k in coefficients if k})


def follows(wanted: Constraint, given: Sequence[Constraint]) -> bool:
    """Whether the constraints imply the wanted one: with its negation they have no solution."""
    return _follows(wanted, tuple(given))


@lru_cache(maxsize=4096)
def _follows(wanted: Constraint, given: tuple[Constraint, ...]) -> bool:
    if all(len(set(each.function) - {sp.S.One}) < 2 for each in given):
        return _follows_from_bounds(wanted, given)
    negated = {monomial: -k for monomial, k in wanted.function.items()}
    return _is_empty([*given, Constraint(negated, not wanted.strict)])


def _follows_from_bounds(wanted: Constraint, given: Sequence[Constraint]) -> bool:
    """The same where every constraint bounds one variable: the least value is at the bounds."""
    value, strict = wanted.function.get(sp.S.One, Fraction(0)), False
    for variable, k in wanted.function.items():
        if variable == sp.S.One:
            continue
        bounds = [
            (-each.function.get(sp.S.One, Fraction(0)) / each.function[variable], each.strict)
            for each in given
            if each.function.get(variable, 0) * k > 0
        ]
        if not bounds:
            return False
        bound, open_end = max((k * at, is_open) for at, is_open in bounds)
        value, strict = value + bound, strict or open_end
    return value > 0 or (value == 0 and (strict or not wanted.strict))


def _is_empty(constraints: Sequence[Constraint]) -> bool:
    rest = list(constraints)
    while True:
        variables = {m for each in rest for m in each.function if m != sp.S.One}
        if not variables:
            return any(map(_is_absurd, rest))
        if any(_is_absurd(each) for each in rest if not set(each.function) - {sp.S.One}):
            return True
        rest = _without(min(variables, key=lambda m: (_pairs(m, rest), str(m))), rest)
        if len(rest) > MOST_CONSTRAINTS:
            return False


def _pairs(variable: sp.Expr, constraints: Sequence[Constraint]) -> int:
    signs = [each.function.get(variable, 0) for each in constraints]
    return sum(k > 0 for k in signs) * sum(k < 0 for k in signs)


def _without(variable: sp.Expr, constraints: Sequence[Constraint]) -> list[Constraint]:
    """What the constraints say of the other variables."""
    below = [each for each in constraints if each.function.get(variable, 0) > 0]
    above = [each for each in constraints if each.function.get(variable, 0) < 0]
    return [each for each in constraints if variable not in each.function] + [
        _combined(variable, low, high) for low in below for high in above
    ]


def _combined(variable: sp.Expr, low: Constraint, high: Constraint) -> Constraint:
    a, b = low.function[variable], -high.function[variable]
    total = {
        m: b * low.function.get(m, Fraction(0)) + a * high.function.get(m, Fraction(0))
        for m in {**low.function, **high.function}
    }
    return Constraint({m: k for m, k in total.items() if k}, low.strict or high.strict)


def _is_absurd(constraint: Constraint) -> bool:
    """Whether a constraint on a constant fails."""
    value = constraint.function.get(sp.S.One, Fraction(0))
    return value < 0 or (constraint.strict and value == 0)
