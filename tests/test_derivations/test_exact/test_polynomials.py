"""Polynomial arithmetic, against SymPy's."""

import random

import pytest
import sympy as sp
from flint import fmpq

from derivations.exact.polynomials import (
    ONE,
    Fraction,
    Polynomial,
    cancelled,
    constant,
    multiplied,
    plus,
    power_of,
    raised,
    replaced,
    times,
    total,
    variable,
    whole,
)

X, Y = sp.symbols("x y")


def plain(polynomial: Polynomial) -> sp.Expr:
    return sp.Add(
        *(
            sp.Rational(int(k.p), int(k.q)) * sp.Mul(*(sp.Symbol(a) ** p for a, p in monomial))
            for monomial, k in polynomial.items()
        )
    )


def drawn(chance: random.Random) -> Polynomial:
    parts = [constant(fmpq(chance.randint(1, 5), chance.randint(1, 5)))]
    parts += [times(variable(name, chance.randint(1, 3)), constant(fmpq(-2, 3))) for name in "xy"]
    return plus(*parts)


@pytest.mark.parametrize("seed", range(20))
def test_sums_products_and_powers_are_sympys(seed):
    chance = random.Random(seed)
    a, b = drawn(chance), drawn(chance)
    assert sp.expand(plain(plus(a, b)) - plain(a) - plain(b)) == 0
    assert sp.expand(plain(times(a, b)) - plain(a) * plain(b)) == 0
    assert sp.expand(plain(power_of(a, 3)) - plain(a) ** 3) == 0
    f, g = Fraction(a, b), Fraction(b, ONE)
    quotient = plain(a) / plain(b)
    for found, wanted in (
        (total([f, g, f]), 2 * quotient + plain(b)),
        (multiplied([f, g]), plain(a)),
        (raised(f, -2), quotient**-2),
    ):
        ratio = plain(found.numerator) / plain(found.denominator)
        assert sp.simplify(ratio - wanted) == 0


def test_what_is_0_is_empty():
    assert plus(variable("x"), times(constant(fmpq(-1)), variable("x"))) == {}
    assert constant(fmpq(0)) == {}


def test_nothing_is_divided_by_0():
    with pytest.raises(ZeroDivisionError):
        Fraction(ONE, {})
    with pytest.raises(ZeroDivisionError):
        raised(whole({}), -1)


def test_a_power_is_replaced_by_its_value():
    """r² = (y + 1)/y in r³ + r + 1 gives r (y + 1)/y + r + 1, here times y."""
    r = variable("r")
    value = Fraction(plus(variable("y"), ONE), variable("y"))
    found = replaced(plus(power_of(r, 3), r, ONE), "r", 2, value)
    r_, y = sp.symbols("r y")
    assert sp.expand(plain(found) - (r_ * (y + 1) + y * r_ + y)) == 0


def test_shared_powers_cancel():
    x, y = variable("x"), variable("y")
    found = cancelled(Fraction(plus(times(x, x), times(x, y)), times(x, y)))
    assert found == Fraction(plus(x, y), y)
