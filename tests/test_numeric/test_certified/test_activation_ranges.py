"""Ranges of smooth activations: the turns are proved, and no point of an interval lies outside."""

from contextlib import suppress

import pytest
from flint import arb, arb_series
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from numeric.certified.activation_ranges import ACTIVATIONS
from numeric.certified.balls import precise

FAR = 40
"""Beyond it the derivatives have one sign: SiLU's and GELU's terms with exp outweigh nothing."""


def derivative(kind, order, point):
    """The `order`-th derivative, up to a positive factor."""
    return ACTIVATIONS[kind].series(arb_series([point, 1], order + 1))[order]


def has_one_sign(kind, order, low, high, depth=0):
    """Whether the derivative has no zero between, by bisection."""
    with suppress(ValueError):  # a denominator that is enclosed too widely
        found = derivative(kind, order, low.union(high))
        if found > 0 or found < 0:
            return True
    middle = (low + high) / 2
    return depth < 40 and all(
        has_one_sign(kind, order, a.mid(), b.mid(), depth + 1)
        for a, b in ((low, middle), (middle, high))
    )


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_derivatives_change_their_sign_at_the_turns_and_nowhere_else(kind, order):
    with precise():
        activation = ACTIVATIONS[kind]
        turns = [arb(t) for t in (activation.value_turns, activation.slope_turns)[order - 1]]
        for turn in turns:
            before, after = (derivative(kind, order, turn + side * 2e-19) for side in (-1, 1))
            assert (before > 0 and after < 0) or (before < 0 and after > 0)
        # Between them, a little apart: there the next derivative has one sign.
        near = arb("1e-3")
        for turn in turns:
            around = derivative(kind, order + 1, turn.union(turn + near).union(turn - near))
            assert around > 0 or around < 0
        edges = [arb(-FAR), *[edge for turn in turns for edge in (turn - near, turn + near)]]
        for low, high in zip(edges[::2], [*edges[1::2], arb(FAR)], strict=True):
            assert has_one_sign(kind, order, low.mid(), high.mid())


@settings(max_examples=100)
@given(st.sampled_from(list(ACTIVATIONS)), st.floats(-9, 9), st.floats(0, 9), st.floats(-1, 1))
def test_no_point_of_an_interval_lies_outside(kind, middle, radius, where):
    activation = ACTIVATIONS[kind]
    with precise():
        ranges = activation.over(middle, radius)
        found = activation.at(arb(middle) + arb(radius) * arb(where))
        assert all(span.contains(each.mid()) for span, each in zip(ranges, found, strict=True))
        assert activation.slopes_everywhere().contains(found[1].mid())


@pytest.mark.parametrize(("kind", "low", "high"), [(nn.Tanh, 0, 1), (nn.SiLU, -0.09984, 1.09984)])
def test_slopes_everywhere_are_spanned_by_their_turns(kind, low, high):
    ball = ACTIVATIONS[kind].slopes_everywhere()
    assert float(ball.lower()) == pytest.approx(low, abs=1e-5)
    assert float(ball.upper()) == pytest.approx(high, abs=1e-5)


def test_of_a_point_they_are_as_good_as_exact():
    with precise():
        for activation in ACTIVATIONS.values():
            for ball in activation.over(0.7, 0.0):
                assert ball.rad() < arb("1e-30")
