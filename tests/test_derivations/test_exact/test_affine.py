"""Affine inequalities: what follows from others, and what does not."""

from fractions import Fraction
from itertools import product

import pytest
import sympy as sp

from derivations.exact.affine import Constraint, affine, follows

X, Y, Z = sp.symbols("x y z")


def at_least(expr: sp.Expr, strict: bool = False) -> Constraint:
    return Constraint(affine(expr), strict)


def test_the_constant_stands_at_one():
    assert affine(2 * X - sp.Rational(1, 3)) == {X: 2, sp.S.One: Fraction(-1, 3)}


@pytest.mark.parametrize(
    ("wanted", "given", "yes"),
    [
        (X + 1, [X], True),
        (X - 1, [X], False),
        (Z - X, [Y - X, Z - Y], True),
        (Z - X - 1, [Y - X, Z - Y], False),
        (Z - X - 2, [Y - X - 1, Z - Y - 1], True),
        (X, [X + Y, X - Y], True),
        (Y, [X + Y, X - Y], False),
        (3 - X, [2 - X], True),
        (-X, [2 - X], False),
    ],
    ids=str,
)
def test_what_follows_follows_and_nothing_more(wanted, given, yes):
    assert follows(at_least(wanted), [at_least(each) for each in given]) is yes


def test_strict_ends_are_not_reached():
    assert follows(at_least(X, strict=True), [at_least(X, strict=True)])
    assert not follows(at_least(X, strict=True), [at_least(X)])
    assert follows(at_least(X + Y, strict=True), [at_least(X), at_least(Y, strict=True)])
    assert not follows(at_least(X + Y, strict=True), [at_least(X), at_least(Y)])
    given = [at_least(X - Y), at_least(Y, strict=True)]
    assert follows(at_least(X, strict=True), given)
    assert not follows(at_least(X - Y, strict=True), given)


def test_a_yes_holds_on_a_grid():
    """Against brute force: whatever is said to follow holds at every point of a grid."""
    exprs = [a * X + b * Y + c for a, b, c in product((-1, 0, 1), (-1, 0, 2), (-1, 0, 1))]
    points = [{X: p, Y: q} for p, q in product(range(-3, 4), repeat=2)]
    said = 0
    for first, second in product(exprs[::3], exprs[::2]):
        inside = [at for at in points if first.subs(at) >= 0 and second.subs(at) >= 0]
        for wanted in exprs[::4]:
            if follows(at_least(wanted), [at_least(first), at_least(second)]):
                said += 1
                assert all(wanted.subs(at) >= 0 for at in inside), (wanted, first, second)
    assert said > 50
