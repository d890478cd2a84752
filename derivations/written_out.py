"""Judges steps whose sums run to a concrete number of layers, at a cost linear in that number.

Two ways: the outermost index written out and the summands compared one by one, inner sums left standing; and both sides
on drawn integers (`drawn_sums.py`). Knows no rule of `equations.py`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product

import sympy as sp

from derivations.drawn_sums import number, run
from derivations.errors import UnknownNodeError
from derivations.steps import Step

Factor = tuple[int, tuple[tuple[int, int], ...], int]
"""A base by its number, its indices (constant, multiple of the index of the inner sum that is left standing), and its power."""
Key = tuple[tuple[Factor, ...], tuple[int, int] | None]
"""What is summed, and the ends of the inner sum."""
Number = int | Fraction
_NUMBERS: dict[sp.Basic, int] = {}


def has_written_out_sums(step: Step, layers: sp.Symbol) -> bool:
    """Whether the step has sums, and none of them runs to the symbol l."""
    return sp.Sum in step.kinds and sp.Product not in step.kinds and not (step.before.has(layers) or step.after.has(layers))


def check_written_out(step: Step) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name: of an equality, or of an inequality between two numbers ≥ 0."""
    larger, smaller = (step.after, step.before) if step.relation == "<=" else (step.before, step.after)
    if step.relation == "=":
        return {"summand by summand": lambda: rows(larger) == rows(smaller), "drawn integers": lambda: number(larger) == number(smaller)}
    ordered = step.relation != "->"
    return {
        "summand by summand": lambda: ordered and _is_nonnegative(larger) and _is_square(rows(larger**2), rows(smaller**2)),
        "drawn integers": lambda: ordered and number(larger**2) >= number(smaller**2),
    }


@lru_cache(maxsize=8)
def rows(expr: sp.Expr) -> Mapping[Key, Number]:
    """The expression as a sum, the outermost index of every sum written out; raises UnknownNodeError for another form."""
    found: dict[Key, Number] = {}
    for summand in _summands(expr):
        for key, times in Counter(_written(summand)).items():
            found[key] = found.get(key, 0) + times * summand.coefficient
    return {key: k for key, k in found.items() if k}


@dataclass(frozen=True)
class _Summand:
    """coefficient · Π base[indices]^power, summed over ranges (index, low, high), innermost first."""

    coefficient: Number
    factors: tuple[tuple[sp.Basic, tuple[sp.Expr, ...], int], ...] = ()
    ranges: tuple[tuple[sp.Symbol, sp.Expr, sp.Expr], ...] = ()


def _summands(expr: sp.Expr) -> list[_Summand]:
    match expr:
        case sp.Rational():
            return [_Summand(int(expr) if expr.is_Integer else Fraction(int(expr.p), int(expr.q)))]
        case sp.Symbol():
            return [_Summand(1, ((expr, (), 1),))]
        case sp.Indexed():
            return [_Summand(1, ((expr.base, expr.indices, 1),))]
        case sp.Add():
            return [summand for part in expr.args for summand in _summands(part)]
        case sp.Mul():
            return [_multiplied(*combination) for combination in product(*map(_summands, expr.args))]
        case sp.Pow(base=sp.Symbol() | sp.Indexed(), exp=sp.Integer()) if expr.exp > 0:
            (only,) = _summands(expr.base)
            ((base, indices, _),) = only.factors
            return [_Summand(1, ((base, indices, int(expr.exp)),))]
        case sp.Sum():
            return [_Summand(s.coefficient, s.factors, s.ranges + tuple(map(tuple, expr.limits))) for s in _summands(expr.function)]
    raise UnknownNodeError(f"cannot write out {expr}: teach derivations/written_out.py")


def _multiplied(*parts: _Summand) -> _Summand:
    """The product; a factor outside a sum goes into it, and two sums are not multiplied."""
    if sum(bool(part.ranges) for part in parts) > 1:
        raise UnknownNodeError("cannot write out a product of sums")
    coefficient: Number = 1
    for part in parts:
        coefficient *= part.coefficient
    return _Summand(coefficient, tuple(f for part in parts for f in part.factors), tuple(r for part in parts for r in part.ranges))


def _written(summand: _Summand) -> Iterator[Key]:
    """One key per value of the outermost index. An inner sum of no summands is 0, one of a single summand is that summand."""
    match summand.ranges:
        case ():
            outer, inner, values, ends = None, None, range(1), []
        case ((outer, low, high),):
            inner, values, ends = None, run(*_constants(low, high)), []
        case ((inner, first, last), (outer, low, high)):
            values, ends = run(*_constants(low, high)), [_affine(end, (outer,)) for end in (first, last)]
        case _:
            raise UnknownNodeError("cannot write out a sum of more than two indices")
    factors = [
        (_NUMBERS.setdefault(base, len(_NUMBERS)), [_affine(at, (outer, inner)) for at in positions], power)
        for base, positions, power in summand.factors
    ]
    factors.sort()
    repeated = len({base for base, *_ in factors}) < len(factors)
    for i in values:
        span = tuple(constant + slope * i for constant, slope in ends)
        if span and not run(*span):
            continue
        alone = bool(span) and span[0] == span[1]
        at = [(base, tuple([(c + k * i + m * span[0], 0) if alone else (c + k * i, m) for c, k, m in positions]), e) for base, positions, e in factors]
        if repeated:
            at.sort()
        yield tuple(at), span if span and not alone else None  # type: ignore[misc]


def _constants(*ends: sp.Expr) -> tuple[int, ...]:
    return tuple(_affine(end, ())[0] for end in ends)


def _affine(expr: sp.Expr, indices: tuple[sp.Symbol | None, ...]) -> tuple[int, ...]:
    """(constant, coefficient of each index)."""
    terms = dict(expr.as_coefficients_dict())
    found = [sp.sympify(terms.pop(index, 0)) for index in (sp.S.One, *indices)]
    if any(terms.values()) or not all(k.is_Integer for k in found):
        raise UnknownNodeError(f"the index {expr} is not a constant plus whole multiples of the indices of its sums")
    return tuple(map(int, found))


def _is_nonnegative(expr: sp.Expr) -> bool:
    """Whether an expression is ≥ 0 as it stands: made of squares, and of numbers and symbols ≥ 0. The root of one is real."""
    match expr:
        case sp.Add() | sp.Mul():
            return all(map(_is_nonnegative, expr.args))
        case sp.Sum():
            return _is_nonnegative(expr.function)
        case sp.Pow() if expr.exp == sp.S.Half:
            return _is_nonnegative(expr.base)
        case sp.Pow() if expr.exp.is_even:
            return bool(expr.base.is_real)
    return bool(expr.is_nonnegative)


def _is_square(larger: Mapping[Key, Number], smaller: Mapping[Key, Number]) -> bool:
    """Whether the difference is a sum of squares as it stands: even powers, coefficients ≥ 0."""
    for key in larger.keys() | smaller.keys():
        k = larger.get(key, 0) - smaller.get(key, 0)
        if k < 0 or (k and any(power % 2 for _, _, power in key[0])):
            return False
    return True
