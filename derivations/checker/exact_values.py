"""Writes products, sums and Gamma functions out exactly, for numbers of layers that are integers.

A value is a rational function of one symbol (the generator), its coefficients exact, times Γ at
arguments that are not integers. Part of the checker: imports no rule. Raises ValueError for what it
cannot write out.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import factorial

import sympy as sp
from flint import fmpq, fmpq_poly

Integers = Mapping[sp.Symbol, int]
_ONE = fmpq_poly([1])


@dataclass(frozen=True)
class Value:
    """numerator / denominator · Π Γ(key)^power."""

    numerator: fmpq_poly
    denominator: fmpq_poly
    gammas: Mapping[sp.Expr, int] = field(default_factory=dict)

    def equals(self, other: "Value") -> bool:
        """Whether both are the same function of the generator."""
        if not self.denominator or not other.denominator:
            return False
        # Cross-multiplied: fractions are never reduced, for that would take a gcd per term.
        same = self.numerator * other.denominator == other.numerator * self.denominator
        return same and (not self.numerator or self.gammas == other.gammas)


class Writer:
    """Writes expressions out at many integer values of some symbols, the others having the values
    that `symbols` gives.
    """

    def __init__(self, symbols: Mapping[sp.Symbol, fmpq_poly]) -> None:
        self.symbols = {symbol: Value(value, _ONE) for symbol, value in symbols.items()}
        self._affine: dict[sp.Expr, tuple[sp.Expr, int, dict[sp.Symbol, sp.Expr]]] = {}
        self._gammas: dict[tuple[sp.Expr, int], Value] = {}

    def write_out(self, expr: sp.Expr, integers: Integers) -> Value:
        """The value where the symbols of `integers` are those integers."""
        if isinstance(expr, sp.Symbol):
            return _constant(integers[expr]) if expr in integers else self.symbols[expr]
        match expr:
            case sp.Rational():
                return _constant(int(expr.p), int(expr.q))
            case sp.Add():
                return _total([self.write_out(term, integers) for term in expr.args])
            case sp.Mul():
                return _multiply([self.write_out(factor, integers) for factor in expr.args])
            case sp.Pow() if expr.base == sp.pi and (2 * expr.exp).is_Integer:
                return Value(_ONE, _ONE, {sp.S.Half: int(2 * expr.exp)})  # √π = Γ(½)
            case sp.Pow():
                return _power(
                    self.write_out(expr.base, integers), self._integer(expr.exp, integers)
                )
            case sp.gamma():
                return self._gamma(*self._split(expr.args[0], integers))
            case sp.Sum() | sp.Product():
                return self._repeated(expr, integers)
        raise ValueError(f"{type(expr).__name__} cannot be written out")

    def _repeated(self, expr: sp.Expr, integers: Integers) -> Value:
        (variable, low, high), *nested = expr.limits
        if nested:
            raise ValueError("a nested sum or product cannot be written out")
        span = range(self._integer(low, integers), self._integer(high, integers) + 1)
        terms = [self.write_out(expr.function, {**integers, variable: value}) for value in span]
        return _total(terms) if isinstance(expr, sp.Sum) else _multiply(terms)

    def _split(self, argument: sp.Expr, integers: Integers) -> tuple[sp.Expr, int]:
        """A fixed part, its constant in [0, 1), and an integer: their sum is the argument, affine
        in the integers.
        """
        if argument not in self._affine:
            expanded = sp.expand(argument)
            slopes = {
                symbol: expanded.coeff(symbol, 1) for symbol in integers if expanded.has(symbol)
            }
            rest = expanded - sp.Add(*(slope * symbol for symbol, slope in slopes.items()))
            if not all(slope.is_Integer for slope in slopes.values()) or rest.free_symbols & set(
                integers
            ):
                raise ValueError(f"{argument} is not affine in the numbers of layers")
            constant, rest = sp.expand(rest).as_coeff_Add()
            self._affine[argument] = (
                rest + constant - sp.floor(constant),
                int(sp.floor(constant)),
                slopes,
            )
        fixed, whole, slopes = self._affine[argument]
        return fixed, whole + sum(int(slope) * integers[symbol] for symbol, slope in slopes.items())

    def _integer(self, expr: sp.Expr, integers: Integers) -> int:
        fixed, whole = self._split(expr, integers)
        if fixed != 0:
            raise ValueError(f"{expr} is not an integer")
        return whole

    def _gamma(self, fixed: sp.Expr, whole: int) -> Value:
        """Γ(c + m) = c (c + 1) … (c + m − 1) Γ(c)."""
        if fixed == 0:
            if whole < 1:
                raise ValueError("a pole of the Gamma function")
            return _constant(factorial(whole - 1))
        if (fixed, whole) not in self._gammas:
            self._gammas[fixed, whole] = self._rising(fixed, whole)
        return self._gammas[fixed, whole]

    def _rising(self, fixed: sp.Expr, whole: int) -> Value:
        if whole == 0:
            return Value(_ONE, _ONE, {fixed: 1})
        down = whole - 1 if whole > 0 else whole
        factor = _total([self.write_out(fixed, {}), _constant(down)])
        return _multiply(
            [self._gamma(fixed, whole - 1), factor]
            if whole > 0
            else [self._gamma(fixed, whole + 1), _power(factor, -1)]
        )


def _constant(numerator: int, denominator: int = 1) -> Value:
    return Value(fmpq_poly([fmpq(numerator, denominator)]), _ONE)


def _total(terms: list[Value]) -> Value:
    terms = [term for term in terms if term.numerator]
    numerator, denominator = fmpq_poly([0]), _ONE
    for term in terms:
        if term.gammas != terms[0].gammas:
            raise ValueError("the terms of a sum have different Gamma functions")
        numerator, denominator = (
            numerator * term.denominator + term.numerator * denominator,
            denominator * term.denominator,
        )
    return Value(numerator, denominator, terms[0].gammas if terms else {})


def _multiply(factors: list[Value]) -> Value:
    numerator, denominator, gammas = _ONE, _ONE, Counter[sp.Expr]()
    for factor in factors:
        numerator, denominator = numerator * factor.numerator, denominator * factor.denominator
        for key, power in factor.gammas.items():
            gammas[key] += power
    return Value(numerator, denominator, {key: power for key, power in gammas.items() if power})


def _power(base: Value, exponent: int) -> Value:
    flipped = (
        base
        if exponent >= 0
        else Value(
            base.denominator, base.numerator, {key: -power for key, power in base.gammas.items()}
        )
    )
    return _multiply([flipped] * abs(exponent))
