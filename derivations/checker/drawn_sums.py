"""Evaluates sums with concrete limits on drawn integers, exactly, double ones in linear time.

base[i, j, …] takes the value u(i)·v(j)·…, with one drawn sequence per base and position: so an
inner sum is a difference of running totals. An expression of another form is refused with
UnknownNodeError.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
import sympy as sp

from derivations.errors import InputError, UnknownNodeError
from derivations.exact.chance import WIDTH, drawing

LONGEST = 1024
"""Indices are below this."""

Value = Callable[[dict[sp.Symbol, Any]], Any]
"""A number, or an array of them, as a function of the indices that are free in it. Arrays hold
Python's own integers."""


@lru_cache(maxsize=8)
def number(expr: sp.Expr) -> Fraction:
    """The value of an expression without free indices; its other symbols are drawn too."""
    return Fraction(_compiled(expr, outermost=True)({}))


def check_direction(low: Any, high: Any) -> None:
    """Raises InputError for a sum that runs backwards, which SymPy would negate."""
    if np.any(np.less(high, np.subtract(low, 1))):
        raise InputError("a sum runs backwards: its limits must satisfy low ≤ high + 1")


@lru_cache(maxsize=256)
def _compiled(expr: sp.Expr, outermost: bool = False) -> Value:
    match expr:
        case sp.Rational():
            value = int(expr) if expr.is_Integer else Fraction(int(expr.p), int(expr.q))
            return lambda at: value
        case sp.Symbol():
            return lambda at: at[expr] if expr in at else _sequence(_spelled(expr), 0)[0]
        case sp.Indexed():
            entries = [
                _entry(_spelled(expr.base), k, index) for k, index in enumerate(expr.indices)
            ]
            return lambda at: prod(entry(at) for entry in entries)
        case sp.Add() | sp.Mul():
            parts, together = (
                [_compiled(part, outermost) for part in expr.args],
                sum if isinstance(expr, sp.Add) else prod,
            )
            return lambda at: together(part(at) for part in parts)
        case sp.Pow(exp=sp.Integer()) if expr.exp > 0:
            base, power = _compiled(expr.base, outermost), int(expr.exp)
            return lambda at: base(at) ** power
        case sp.Sum():
            *within, (index, low, high) = expr.limits
            function = sp.Sum(expr.function, *within) if within else expr.function
            return (_written_out if outermost else _totalled)(
                function, index, _compiled(low), _compiled(high)
            )
    raise UnknownNodeError(f"cannot evaluate {expr}: teach derivations/checker/drawn_sums.py")


def _written_out(function: sp.Expr, index: sp.Symbol, low: Value, high: Value) -> Value:
    summand = _compiled(function)

    def value(at: dict[sp.Symbol, Any]) -> Any:
        first, last = low(at), high(at)
        check_direction(first, last)
        values = np.arange(first, last + 1)
        return sum(
            np.broadcast_to(
                np.asarray(summand({**at, index: values}), dtype=object), values.shape
            ).tolist()
        )

    return value


def _totalled(function: sp.Expr, index: sp.Symbol, low: Value, high: Value) -> Value:
    """Σ of a monomial: what does not move with the index, times a difference of running totals of
    what does.
    """
    fixed, moving = function.as_independent(index, as_Add=False)
    outside, streams = [_compiled(fixed)], []
    for factor in sp.Mul.make_args(moving):
        entry, power = factor.as_base_exp()
        if not isinstance(entry, sp.Indexed) or not power.is_Integer:
            raise UnknownNodeError(
                f"cannot evaluate an inner sum of {function}: only of a monomial of indexed numbers"
            )
        for k, at in enumerate(entry.indices):
            if at == index:
                streams.append((_spelled(entry.base), k, int(power)))
            else:
                outside.append(_raised(_entry(_spelled(entry.base), k, at), int(power)))
    totals = _totals(tuple(streams))

    def value(at: dict[sp.Symbol, Any]) -> Any:
        first, last = low(at), high(at)
        check_direction(first, last)
        return prod(part(at) for part in outside) * (
            totals[_within(last + 1)] - totals[_within(first)]
        )

    return value


@lru_cache(maxsize=256)
def _spelled(letter: sp.Basic) -> str:
    """A letter with its kind and its assumptions: two of one name are different."""
    return str(sp.srepr(letter))


def _entry(base: str, position: int, index: sp.Expr) -> Value:
    sequence, value = _sequence(base, position), _compiled(index)
    return lambda at: sequence[_within(value(at))]


def _raised(value: Value, power: int) -> Value:
    return lambda at: value(at) ** power


def _within(index: Any) -> Any:
    """The index; a negative one would count from the end of the sequence."""
    if np.any(np.less(index, 0)) or np.any(np.greater_equal(index, LONGEST)):
        raise UnknownNodeError(f"an index is not in 0…{LONGEST - 1}")
    return index


@lru_cache(maxsize=64)
def _sequence(base: str, position: int) -> np.ndarray:
    chance = drawing(base, position)
    drawn = [chance.choice((1, -1)) * chance.randint(1, WIDTH) for _ in range(LONGEST)]
    # Python's integers: products of several entries exceed 64 bits.
    return np.array(drawn, dtype=object)


@lru_cache(maxsize=64)
def _totals(streams: tuple[tuple[str, int, int], ...]) -> np.ndarray:
    """Σ of the products of the first 0, 1, 2, … entries."""
    products = prod(
        _sequence(base, position) ** power for base, position, power in streams
    ) + np.zeros(LONGEST, dtype=object)
    return np.array([0, *accumulate(products.tolist())], dtype=object)
