"""Formulas on balls: the exact value lies inside, and what is unknown is refused."""

import pytest
import sympy as sp
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from derivations.algebra.blocks import BLOCKS
from derivations.algebra.notation import notation_of
from derivations.errors import UnknownNodeError
from derivations.rules.bounds import bounds
from numeric.certified.ball_formula import ball_of, power
from numeric.certified.balls import precise

x, y = sp.symbols("x y", real=True)
FORMULAS = {
    bound.expr: [q.symbol for q in bound.quantities]
    for block in BLOCKS.values()
    for bound in bounds(notation_of(block, "operator")).bounds
}


@given(st.sampled_from(list(FORMULAS)), st.data())
def test_the_ball_of_every_bound_holds_its_exact_value(expr, data):
    """At rationals, cosines in [−1, 1] and all else ≥ 0: SymPy's own digits lie in the ball."""
    ranges = {
        symbol: st.fractions(0, 1) if symbol.is_nonnegative else st.fractions(-1, 1)
        for symbol in FORMULAS[expr]
    }
    drawn = {symbol: data.draw(numbers, label=str(symbol)) for symbol, numbers in ranges.items()}
    exact = expr.subs(
        {symbol: sp.Rational(value.numerator, value.denominator) for symbol, value in drawn.items()}
    )
    with precise():
        found = ball_of(
            expr,
            {
                symbol: arb(value.numerator) / arb(value.denominator)
                for symbol, value in drawn.items()
            },
        )
        assert found.overlaps(arb(str(sp.N(exact, 60)), "1e-50"))
        assert found.rad() < 1e-15


def test_a_ball_is_wide_where_its_input_is():
    found = ball_of(sp.Abs(x - 1), {x: arb(1, 0.5)})
    assert found.contains(arb(0))
    assert found.contains(arb(0.5))


def test_what_is_unknown_is_refused():
    with pytest.raises(UnknownNodeError, match="sin"):
        ball_of(sp.sin(x), {x: arb(1)})
    with pytest.raises(UnknownNodeError, match="y"):
        ball_of(x + y, {x: arb(1)})


@pytest.mark.parametrize("exponent", range(-3, 5))
@pytest.mark.parametrize(
    ("mid", "rad"), [(2, 0), (-2, 0), (0, 1e-16), (1e-17, 1e-16), (-3, 1), (0, 2), (1, 4)]
)
def test_a_power_holds_that_of_every_number_of_the_ball(mid, rad, exponent):
    with precise():
        found = power(arb(mid, rad), exponent)
        if exponent < 0 and abs(mid) <= rad:
            assert not found.is_finite()
            return
        for share in (-0.99, -0.5, 0.0, 0.25, 0.99):
            assert found.overlaps(arb((mid + share * rad) ** exponent))
        # And no wider than it must be, from the modulus's least to its greatest.
        assert found.rad() <= (abs(mid) + rad) ** abs(exponent) * 1.001 or exponent < 0
