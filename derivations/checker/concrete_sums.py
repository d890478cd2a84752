"""Judges steps whose sums run to a concrete number of layers, at a cost linear in that number.

Two ways: the outermost index written out and the summands compared one by one, inner sums left
standing; and both sides on drawn integers (`drawn_sums.py`). Knows no rule of `equations.py`.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
import sympy as sp

from derivations.algebra.steps import Step
from derivations.checker.drawn_sums import check_direction, number
from derivations.checker.symbolic_sums import write_out
from derivations.errors import UnknownNodeError
from derivations.exact.normal_forms import equal

FEW = 500
"""A sum of more summands must be of a form that needs no writing out."""

Shape = tuple[tuple[tuple[sp.Basic, int, tuple[int, ...]], ...], bool]
"""Of each factor the base, the power and how its indices move with that of the inner sum; and
whether one is left standing."""


@dataclass(frozen=True)
class _Written:
    """Summands of one shape, one row each: the constants of their indices, then the ends of the
    inner sum. They share a coefficient.
    """

    coefficient: Fraction
    shape: Shape
    numbers: np.ndarray  # (summands, indices and ends), integers


def has_written_out_sums(kinds: Set[type], step: Step, layers: sp.Symbol) -> bool:
    """Whether a step with nodes of these types has sums, and none of them runs to the symbol l."""
    return (
        sp.Sum in kinds
        and sp.Product not in kinds
        and not (step.before.has(layers) or step.after.has(layers))
    )


def check_written_out(step: Step) -> dict[str, Callable[[], bool]]:
    """The two checks of such a step, by name: of an equality, or of an inequality, squared where
    there are roots.
    """
    larger, smaller = (
        (step.after, step.before) if step.relation == "<=" else (step.before, step.after)
    )
    if step.relation == "=":
        return {
            "summand by summand": lambda: _same(larger, smaller),
            "drawn integers": lambda: number(larger) == number(smaller),
        }
    power = (
        2
        if any(_is_root(factor) for side in (larger, smaller) for factor in sp.Mul.make_args(side))
        else 1
    )
    ordered = step.relation != "->" and (power == 1 or is_nonnegative(larger))
    return {
        "summand by summand": lambda: ordered and _is_square(larger**power, smaller**power),
        "drawn integers": lambda: ordered and number(larger**power) >= number(smaller**power),
    }


def _same(left: sp.Expr, right: sp.Expr) -> bool:
    try:
        return not differences(left, right)
    except UnknownNodeError:
        runs = left.atoms(sp.Sum) | right.atoms(sp.Sum)
        counts = [high - low + 1 for run in runs for _, low, high in run.limits]
        # Few enough to be written out whole, whatever their form.
        if not all(count.is_Integer for count in counts) or prod(map(int, counts)) > FEW:
            raise
        return equal(write_out(left), write_out(right))


def _is_root(expr: sp.Expr) -> bool:
    return isinstance(expr, sp.Pow) and expr.exp == sp.S.Half


def differences(left: sp.Expr, right: sp.Expr) -> dict[tuple[Shape, tuple[int, ...]], Fraction]:
    """The summands in which left − right differs from 0, with their coefficients; raises
    UnknownNodeError for another form.
    """
    parts = _uncancelled(written_out(left), written_out(right))
    found: dict[tuple[Shape, tuple[int, ...]], Fraction] = {}
    for shape in {part.shape for part in parts}:
        same = [part for part in parts if part.shape == shape]
        scale = prod(part.coefficient.denominator for part in same)
        weights = np.concatenate(
            [
                np.full(len(part.numbers), int(part.coefficient * scale), dtype=object)
                for part in same
            ]
        )
        kinds, kind = np.unique(
            np.concatenate([part.numbers for part in same]), axis=0, return_inverse=True
        )
        totals = np.zeros(len(kinds), dtype=object)
        np.add.at(totals, kind.ravel(), weights)
        found |= {
            (shape, tuple(map(int, kinds[row]))): Fraction(totals[row], scale)
            for row in np.flatnonzero(totals)
        }
    return found


def _uncancelled(left: tuple[_Written, ...], right: tuple[_Written, ...]) -> list[_Written]:
    """left − right, without what is on both sides row by row."""
    rest = list(left)
    for part in right:
        twins = (
            k
            for k, other in enumerate(rest)
            if other.shape == part.shape and other.coefficient == part.coefficient
        )
        twin = next((k for k in twins if np.array_equal(rest[k].numbers, part.numbers)), None)
        if twin is None:
            rest.append(_Written(-part.coefficient, part.shape, part.numbers))
        else:
            del rest[twin]
    return rest


def _is_square(larger: sp.Expr, smaller: sp.Expr) -> bool:
    """Whether the difference is a sum of squares as it stands: even powers, coefficients ≥ 0."""
    parts = _uncancelled(written_out(larger), written_out(smaller))
    if all(part.coefficient > 0 and _is_even(part.shape) for part in parts):
        return True
    return all(k > 0 and _is_even(shape) for (shape, _), k in differences(larger, smaller).items())


def _is_even(shape: Shape) -> bool:
    return all(power % 2 == 0 for _, power, _ in shape[0])


def is_nonnegative(expr: sp.Expr) -> bool:
    """Whether an expression is ≥ 0 as it stands: made of squares, and of numbers and symbols ≥ 0.
    The root of one is real.
    """
    match expr:
        case sp.Add() | sp.Mul():
            return all(map(is_nonnegative, expr.args))
        case sp.Sum():
            return is_nonnegative(expr.function)
        case sp.Pow() if _is_root(expr):
            return is_nonnegative(expr.base)
        case sp.Pow() if expr.exp.is_even:
            return bool(expr.base.is_real)
    return bool(expr.is_nonnegative)


@dataclass(frozen=True)
class _Summand:
    """coefficient · Π base[indices]^power, summed over ranges (index, low, high), innermost first.

    Factors stand in the order of their bases, so that equal products are equal tuples.
    """

    coefficient: Fraction
    factors: tuple[tuple[sp.Basic, tuple[sp.Expr, ...], int], ...] = ()
    ranges: tuple[tuple[sp.Symbol, sp.Expr, sp.Expr], ...] = ()


@lru_cache(maxsize=8)
def written_out(expr: sp.Expr) -> tuple[_Written, ...]:
    """The summands of an expression; raises UnknownNodeError for one that is no sum of products of
    entries.
    """
    return tuple(
        part
        for summand in _summands(expr)
        for part in _written(summand)
        if part.coefficient and len(part.numbers)
    )


def _summands(expr: sp.Expr) -> list[_Summand]:
    match expr:
        case sp.Rational():
            return [_Summand(Fraction(int(expr.p), int(expr.q)))]
        case sp.Symbol():
            return [_Summand(Fraction(1), ((expr, (), 1),))]
        case sp.Indexed():
            return [_Summand(Fraction(1), ((expr.base, expr.indices, 1),))]
        case sp.Add():
            return [summand for part in expr.args for summand in _summands(part)]
        case sp.Mul():
            return [
                _multiplied(*combination) for combination in product(*map(_summands, expr.args))
            ]
        case sp.Pow(base=sp.Symbol() | sp.Indexed(), exp=sp.Integer()) if expr.exp > 0:
            (only,) = _summands(expr.base)
            ((base, indices, _),) = only.factors
            return [_Summand(Fraction(1), ((base, indices, int(expr.exp)),))]
        case sp.Sum():
            return [
                _Summand(s.coefficient, s.factors, s.ranges + tuple(map(tuple, expr.limits)))
                for s in _summands(expr.function)
            ]
    raise UnknownNodeError(f"cannot write out {expr}: teach derivations/checker/concrete_sums.py")


def _multiplied(*parts: _Summand) -> _Summand:
    """The product; a factor outside a sum goes into it, and two sums are not multiplied."""
    factors = tuple(factor for part in parts for factor in part.factors)
    summed = [part for part in parts if part.ranges]
    if len(summed) > 1 or len({base for base, *_ in factors}) < len(factors):
        raise UnknownNodeError("cannot write out a product of sums, or of two entries of one base")
    coefficient = prod(
        (part.coefficient for part in parts if part.coefficient != 1), start=Fraction(1)
    )
    return _Summand(
        coefficient,
        tuple(sorted(factors, key=_by_base)),
        tuple(r for part in parts for r in part.ranges),
    )


def _by_base(factor: tuple[sp.Basic, tuple[sp.Expr, ...], int]) -> str:
    return _spelled(factor[0])


@lru_cache(maxsize=256)
def _spelled(base: sp.Basic) -> str:
    """A base with its assumptions: two of one name are different."""
    return str(sp.srepr(base))


def _written(summand: _Summand) -> list[_Written]:
    """One row per value of the outermost index. An inner sum of no summands is 0, one of a single
    summand is that summand.
    """
    if len(summand.ranges) > 2:
        raise UnknownNodeError("cannot write out a sum of more than two indices")
    outer, low, high = summand.ranges[-1] if summand.ranges else (None, sp.S.Zero, sp.S.Zero)
    inner, *ends = summand.ranges[0] if len(summand.ranges) == 2 else (None,)
    (lowest,), (highest,) = _affine(low, ()), _affine(high, ())
    check_direction(lowest, highest)
    i = np.arange(lowest, highest + 1)[:, None]
    if any(base in (outer, inner) for base, *_ in summand.factors):
        raise UnknownNodeError("an index that is a factor itself is no letter")
    moving = [_affine(at, (outer, inner)) for _, indices, _ in summand.factors for at in indices]
    constants, slopes, inner_slopes = (
        np.array([row[part] for row in moving], dtype=np.int64) for part in range(3)
    )
    at = constants + slopes * i
    alone = tuple((base, power, (0,) * len(indices)) for base, indices, power in summand.factors)
    if not ends:
        times = 1 if moving else len(at)
        return [_Written(summand.coefficient * times, (alone, False), at if moving else at[:1])]
    first, last = (
        constant + slope * i for constant, slope in (_affine(end, (outer,)) for end in ends)
    )
    check_direction(first, last)
    steps = iter(inner_slopes.tolist())
    standing = tuple(
        (base, power, tuple(next(steps) for _ in indices))
        for base, indices, power in summand.factors
    )
    rows, single = np.hstack([at, first, last]), at + inner_slopes * first
    return [
        _Written(summand.coefficient, (standing, True), rows[(last > first)[:, 0]]),
        _Written(summand.coefficient, (alone, False), single[(last == first)[:, 0]]),
    ]


@lru_cache(maxsize=256)
def _affine(expr: sp.Expr, indices: tuple[sp.Symbol | None, ...]) -> tuple[int, ...]:
    """(constant, coefficient of each index)."""
    terms = dict(expr.as_coefficients_dict())
    found = [sp.sympify(terms.pop(index, 0)) for index in (sp.S.One, *indices)]
    if any(terms.values()) or not all(k.is_Integer for k in found):
        raise UnknownNodeError(
            f"the index {expr} is not a constant plus whole multiples of the indices of its sums"
        )
    return tuple(map(int, found))
