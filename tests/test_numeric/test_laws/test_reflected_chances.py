"""Reflected walks: against Sparre Andersen's closed form, Spitzer's, and drawn walks."""

from math import comb, pi, sqrt

import numpy as np
import pytest

from derivations.errors import InputError
from numeric.laws.reflected_chances import reflected_walk_chances


def test_equal_steps_have_the_closed_form():
    walk = reflected_walk_chances(12)
    u = [comb(2 * n, n) / 4**n for n in range(15)]
    # x₀ = φ(z) is one step of its own: index a here is step a + 1 there.
    for start in range(13):
        for last in range(start, 13):
            closed = sum(u[k] * u[last - start + 1 + start - k] for k in range(start + 1))
            assert walk.positive[start, last] == pytest.approx(closed, rel=1e-6)
    assert walk.means[0] == pytest.approx(1 / sqrt(2 * pi))
    assert walk.means[12] == pytest.approx(
        sum(sqrt(k / (2 * pi)) / k for k in range(1, 14)), rel=1e-6
    )
    assert walk.seconds[0] == pytest.approx(0.5)


def test_unequal_steps_are_those_of_drawn_walks():
    walk = reflected_walk_chances(3, first=2.0, step=0.25)
    rng = np.random.default_rng(8)
    draws = 400_000
    x = np.maximum(rng.normal(0, sqrt(2), draws), 0)
    alive = x > 0
    for _ in range(3):
        x = np.maximum(x + rng.normal(0, 0.5, draws), 0)
        alive &= x > 0
    assert walk.positive[0, 3] == pytest.approx(alive.mean(), abs=4e-3)
    assert walk.means[3] == pytest.approx(x.mean(), rel=0.01)
    assert walk.seconds[3] == pytest.approx((x**2).mean(), rel=0.01)
    assert walk.spread(3) == 2.75


def test_no_walk_without_variance():
    with pytest.raises(InputError, match="variance"):
        reflected_walk_chances(2, step=0.0)
    with pytest.raises(InputError, match="too fine"):
        reflected_walk_chances(2, step=1e-4)
    with pytest.raises(InputError, match="steps"):
        reflected_walk_chances(-1)
    assert reflected_walk_chances(0).positive[0, 0] == pytest.approx(0.5)
