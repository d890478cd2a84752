"""Polynomials over ℚ in atoms that are met as they come, and fractions of them. Exact."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from flint import fmpq

Monomial: TypeAlias = frozenset[tuple[Hashable, int]]
"""Powers of atoms, the exponents positive."""
Polynomial: TypeAlias = dict[Monomial, fmpq]

NONE: Monomial = frozenset()


def frozen(polynomial: Polynomial) -> Hashable:
    """The same for equal polynomials."""
    return frozenset((m, (int(k.p), int(k.q))) for m, k in polynomial.items())


def constant(value: fmpq) -> Polynomial:
    return {NONE: value} if value else {}


def variable(atom: Hashable, power: int = 1) -> Polynomial:
    return {frozenset({(atom, power)}): fmpq(1)}


def plus(*polynomials: Polynomial) -> Polynomial:
    total: defaultdict[Monomial, fmpq] = defaultdict(fmpq)
    for polynomial in polynomials:
        for monomial, k in polynomial.items():
            total[monomial] += k
    return {monomial: k for monomial, k in total.items() if k}


def times(left: Polynomial, right: Polynomial) -> Polynomial:
    total: defaultdict[Monomial, fmpq] = defaultdict(fmpq)
    for a, j in left.items():
        for b, k in right.items():
            total[_joined(a, b)] += j * k
    return {monomial: k for monomial, k in total.items() if k}


def _joined(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return frozenset(powers.items())


def power_of(base: Polynomial, exponent: int) -> Polynomial:
    result = constant(fmpq(1))
    for _ in range(exponent):
        result = times(result, base)
    return result


@dataclass(frozen=True)
class Fraction:
    """numerator / denominator, never reduced: the denominator is not the zero polynomial."""

    numerator: Polynomial
    denominator: Polynomial

    def __post_init__(self) -> None:
        if not self.denominator:
            raise ZeroDivisionError("the denominator is 0")


ONE = constant(fmpq(1))


def whole(polynomial: Polynomial) -> Fraction:
    return Fraction(polynomial, ONE)


def total(fractions: Iterable[Fraction]) -> Fraction:
    """The sum; equal denominators are kept."""
    by_denominator: dict[Hashable, Fraction] = {}
    for each in fractions:
        key = frozen(each.denominator)
        met = by_denominator.get(key)
        by_denominator[key] = (
            Fraction(plus(met.numerator, each.numerator), each.denominator) if met else each
        )
    result = whole({})
    for each in by_denominator.values():
        if result.denominator == ONE and each.denominator == ONE:
            result = whole(plus(result.numerator, each.numerator))
        else:
            result = Fraction(
                plus(
                    times(result.numerator, each.denominator),
                    times(each.numerator, result.denominator),
                ),
                times(result.denominator, each.denominator),
            )
    return result


def multiplied(fractions: Iterable[Fraction]) -> Fraction:
    numerator, denominator = ONE, ONE
    for each in fractions:
        numerator = times(numerator, each.numerator)
        denominator = times(denominator, each.denominator)
    return Fraction(numerator, denominator)


def cancelled(fraction: Fraction) -> Fraction:
    """Without the powers of atoms that all monomials share."""
    monomials = [dict(m) for m in (*fraction.numerator, *fraction.denominator)]
    first, *others = monomials
    shared = {
        atom: least
        for atom, power in first.items()
        if (least := min([power, *(m.get(atom, 0) for m in others)]))
    }

    def without(polynomial: Polynomial) -> Polynomial:
        return {
            frozenset((a, p - shared.get(a, 0)) for a, p in m if p > shared.get(a, 0)): k
            for m, k in polynomial.items()
        }

    return Fraction(without(fraction.numerator), without(fraction.denominator))


def raised(base: Fraction, exponent: int) -> Fraction:
    top, bottom = base.numerator, base.denominator
    if exponent < 0:
        top, bottom = bottom, top
    return Fraction(power_of(top, abs(exponent)), power_of(bottom, abs(exponent)))


def replaced(polynomial: Polynomial, atom: Hashable, exponent: int, value: Fraction) -> Polynomial:
    """The polynomial with atom^exponent = value used wherever it can be, times a power of the
    denominator of the value.
    """
    parts: defaultdict[int, Polynomial] = defaultdict(dict)
    for monomial, k in polynomial.items():
        powers = dict(monomial)
        whole_powers, left = divmod(powers.pop(atom, 0), exponent)
        if left:
            powers[atom] = left
        # Monomials of one part stay different: they differed in what is left of them.
        parts[whole_powers][frozenset(powers.items())] = k
    most = max(parts, default=0)
    return plus(
        *(
            times(
                times(part, power_of(value.numerator, count)),
                power_of(value.denominator, most - count),
            )
            for count, part in parts.items()
        )
    )
