"""The twin of certified ratios agrees with floating point, and its members are members."""

import pytest
import torch
from strategies import gaussian
from twins.pencil_twin import greatest_direction, ratio, worst_member


def test_the_ratio_is_floating_points():
    top, bottom, a = gaussian(3, 5, seed=0), gaussian(3, 4, seed=1), gaussian(3, seed=2)
    expected = float((top.T @ a).norm() / (bottom.T @ a).norm())
    assert float(ratio(top, bottom, a)) == pytest.approx(expected, rel=1e-14)
    assert ratio(top, 0 * bottom, a) is None


def test_no_random_direction_beats_the_greatest_and_no_member_the_worst():
    top, bottom = gaussian(3, 5, seed=0), gaussian(3, 4, seed=1)
    a = greatest_direction(top, bottom)
    greatest = float(ratio(top, bottom, a))
    for seed in range(50):
        assert float(ratio(top, bottom, gaussian(3, seed=seed))) <= greatest * (1 + 1e-12)
    radii = 0.01 * top.abs(), 0.01 * bottom.abs()
    n, d = worst_member((top, radii[0]), (bottom, radii[1]), a, 1.0)
    assert ((n - top).abs() <= radii[0] * (1 + 1e-9)).all()
    worst = float(ratio(n, d, a))
    for seed in range(50):
        other = [
            each
            + radius
            * (
                2 * torch.rand(each.shape, generator=torch.Generator().manual_seed(seed)).double()
                - 1
            )
            for each, radius in zip((top, bottom), radii, strict=True)
        ]
        assert float(ratio(*other, a)) <= worst
