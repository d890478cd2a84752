"""Floats and sums rounded outward: never on the wrong side of the exact number."""

import math

import pytest
import torch
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from derivations.errors import InputError
from numeric.certified import balls
from numeric.certified.balls import (
    between,
    clamped,
    constant,
    float_above,
    float_below,
    gamma,
    precise,
    root,
    up,
)

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, st.floats(0, 1e300))
def test_floats_lie_outside_the_ball(mid, rad):
    with precise():
        ball = arb(mid, rad)
        try:
            low, high = float_below(ball), float_above(ball)
        except InputError:  # the ball reaches beyond the range
            return
        assert arb(low) <= ball.lower()
        assert arb(high) >= ball.upper()


@given(finite)
def test_a_stored_float_is_its_own_bound(value):
    with precise():
        assert float_below(arb(value)) == value == float_above(arb(value))


def test_a_third_is_rounded_to_its_neighbours():
    with precise():
        third = arb(1) / 3
        assert math.nextafter(float_below(third), 1) == float_above(third)


@pytest.mark.parametrize("ball", [arb("nan"), arb("inf"), arb(2) ** 2000])
def test_what_no_float_bounds_is_refused(ball):
    with pytest.raises(InputError, match="range of float64"):
        float_above(ball)


def test_precision_is_restored():
    import flint

    before = flint.ctx.prec
    with pytest.raises(RuntimeError), precise():
        assert flint.ctx.prec == balls.PRECISION
        raise RuntimeError
    assert flint.ctx.prec == before


@pytest.mark.parametrize("terms", [1, 7, 1000, 2**30])
def test_gamma_is_no_less_than_its_definition(terms):
    with precise():
        assert arb(gamma(terms)) >= arb(terms) * balls.UNIT / (1 - arb(terms) * balls.UNIT)


def test_an_endless_sum_is_refused():
    with pytest.raises(InputError, match="too long"):
        gamma(2**31)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=50))
def test_rounded_up_sums_are_no_less_than_the_sum(values):
    computed = torch.tensor(values, dtype=torch.float64).sum()
    if computed.isfinite():
        with precise():
            assert arb(up(computed, len(values)).item()) >= sum((arb(v) for v in values), arb(0))


def test_rounded_up_products_survive_underflow():
    tiny = torch.tensor([1e-200], dtype=torch.float64)
    assert up((tiny * tiny).sum(), 1) > 0


def test_a_root_forgets_what_is_below_zero():
    found = root(arb(0.0, 4.0))
    assert found.lower() >= -1e-8  # radii are rounded up to 30 bits
    assert found.upper() >= 2


def test_clamped_keeps_what_may_be():
    found = clamped(arb(1.0, 0.5), -1, 1)
    assert found.contains(arb(0.5))
    assert found.contains(arb(1))
    assert not found.contains(arb(1.1))


def test_between_holds_both():
    assert between(arb(1), arb(2)).contains(arb(1.5))


def test_the_number_of_a_layer_is_held_as_it_is_and_as_float32_rounds_it():
    assert constant(0.5) == (0.5, 0.5)
    assert constant(-1.7) == (torch.tensor(-1.7).double().item(), -1.7)
    assert constant(0.1) == (0.1, torch.tensor(0.1).double().item())
    assert constant(1e300) == (1e300, 1e300)
