"""Searches for the smallest counterexample: least dimension first, then small rationals, exactly.

What the search finds is not proof by itself: `gradients.py` evaluates it once more with torch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import TypeVar

from derivations.algebra.terms import Add, Chain, Gate, Identity, Leaf, Term
from derivations.errors import UnknownNodeError

Found = TypeVar("Found")
Point = tuple[Fraction, ...]
Dual = tuple[Fraction, Fraction]
"""A value and its derivative along one direction."""

HEIGHT = 2
"""Largest numerator or denominator tried."""


def height(number: Fraction) -> int:
    """max(|p|, q) of p/q in lowest terms, and 0 of zero."""
    return max(abs(number.numerator), number.denominator) if number else 0


def rationals(largest: int) -> list[Fraction]:
    """The rationals of at most this height, by height, integers first, positive first: 0, 1, −1, 2,
    −2, 1/2, −1/2, …
    """
    grid = {
        Fraction(p, q) for p in range(-largest, largest + 1) for q in range(1, max(largest, 1) + 1)
    }
    return sorted(
        (number for number in grid if height(number) <= largest),
        key=lambda n: (height(n), n.denominator, -n),
    )


def points(unknowns: int, largest: int = HEIGHT) -> Iterator[Point]:
    """Every point with coordinates of at most this height: by largest height, then by sum of
    heights, then in the order of `rationals`.
    """
    order = {number: place for place, number in enumerate(rationals(largest))}
    for level in range(largest + 1):
        grid = [
            point
            for point in product(rationals(level), repeat=unknowns)
            if max(map(height, point), default=0) == level
        ]
        yield from sorted(
            grid, key=lambda point: (sum(map(height, point)), [order[number] for number in point])
        )


def smallest(
    dimensions: Iterable[int],
    unknowns: Callable[[int], int],
    test: Callable[[int, Point], Found | None],
) -> Found | None:
    """What `test` makes of the first (dimension, point) for which it returns something.

    None if there is none.
    """
    for dimension in dimensions:
        for point in points(unknowns(dimension)):
            found = test(dimension, point)
            if found is not None:
                return found
    return None


def tangent(term: Term, leaves: Mapping[str, Callable[[Dual], Dual]], at: Dual) -> Dual:
    """Value and derivative of a term of numbers.

    Knows neither `derivations.rules.jacobian` nor torch.
    """
    match term:
        case Identity():
            return at
        case Leaf(name):
            return leaves[name](at)
        case Chain(parts):
            for part in parts:
                at = tangent(part, leaves, at)
            return at
        case Add(parts):
            values, slopes = zip(*(tangent(part, leaves, at) for part in parts), strict=True)
            return sum(values, Fraction(0)), sum(slopes, Fraction(0))
        case Gate(signal, gate):
            (u, du), (s, ds) = tangent(signal, leaves, at), tangent(gate, leaves, at)
            return u * s, du * s + u * ds
    raise UnknownNodeError(
        f"no numbers for {type(term).__name__}: teach validate/audit/counterexample_search.py"
    )


def dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    """⟨left, right⟩."""
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def square(vector: Sequence[Fraction]) -> Fraction:
    """‖vector‖²."""
    return dot(vector, vector)


def show(*numbers: Fraction) -> str:
    """A number, or a vector, as a reader writes it."""
    texts = [str(number).replace("-", "−") for number in numbers]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def root(number: Fraction) -> str:
    """The square root of a rational number, as a number where it is one."""
    # Near enough: the squares are compared as integers below.
    p, q = (int(part**0.5 + 0.5) for part in (number.numerator, number.denominator))
    if (p * p, q * q) == (number.numerator, number.denominator):
        return show(Fraction(p, q))
    return f"√{number}" if number.denominator == 1 else f"√({number})"
