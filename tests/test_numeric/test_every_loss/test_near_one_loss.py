"""The S-lemma's bounds over a cone, against directions of the cone that are tried one by one."""

import math

import pytest
import torch
from strategies import gaussian

from derivations.errors import InputError
from numeric.every_loss.column_pencils import FULL, extremes
from numeric.every_loss.near_one_loss import within_angle


def drawn(seed, count):
    top, bottom = (torch.linalg.qr(gaussian(9, count, seed=seed + k)).R[None] for k in (0, 50))
    return (
        top,
        bottom,
        torch.eye(count, dtype=torch.float64)[None],
        gaussian(1, count, seed=seed + 99),
    )


def found(case, theta):
    top, bottom, size, center = case
    whole = extremes(top, bottom, size, FULL[torch.float64])
    return within_angle(top, bottom, size, center, theta, whole), whole


@pytest.mark.parametrize("theta", [0.05, 0.3, 1.0, 1.5])
def test_in_the_plane_the_bounds_are_the_extremes_over_the_cone(theta):
    for seed in range(5):
        case = drawn(seed, 2)
        (lower, upper, *_), _ = found(case, theta)
        middle = math.atan2(*case[3][0].flip(0).tolist())
        angles = middle + torch.linspace(-theta, theta, 20001, dtype=torch.float64)
        c = torch.stack([angles.cos(), angles.sin()])
        ratios = (case[0][0] @ c).norm(dim=0) / (case[1][0] @ c).norm(dim=0)
        assert lower.item() == pytest.approx(ratios.min().item(), rel=1e-7)
        assert upper.item() == pytest.approx(ratios.max().item(), rel=1e-7)


@pytest.mark.parametrize("theta", [1e-3, 0.2, 0.8])
def test_no_direction_of_the_cone_leaves_and_the_witness_of_each_end_lies_in_it(theta):
    for seed in range(5):
        case = drawn(seed, 6)
        top, bottom, _, center = case
        (lower, upper, *at), whole = found(case, theta)
        middle = center[0] / center.norm()
        for draw in range(300):
            away = gaussian(6, seed=1000 + draw)
            away -= (away @ middle) * middle
            c = middle * math.cos(theta) + math.sin(theta) * away / away.norm()
            ratio = (top[0] @ c).norm() / (bottom[0] @ c).norm()
            assert lower * (1 - 1e-12) <= ratio <= upper * (1 + 1e-12)
        for end, c in zip((lower, upper), at, strict=True):
            ratio = (top[0] @ c[0]).norm() / (bottom[0] @ c[0]).norm()
            assert ratio.item() == pytest.approx(end.item(), rel=1e-7)
            assert (c[0] @ middle).abs() / c[0].norm() >= math.cos(theta) - 1e-9
        assert whole.lower <= lower
        assert upper <= whole.upper


def test_where_the_signals_have_a_kernel_the_extremes_over_every_direction_stand():
    top, bottom, size, center = drawn(0, 4)
    bottom[:, :, 3] = bottom[:, :, 2]
    bottom = torch.linalg.qr(bottom).R
    (lower, upper, *_), whole = found((top, bottom, size, center), 0.1)
    assert whole.floor.item() > 0
    assert torch.equal(lower, whole.lower)
    assert torch.equal(upper, whole.upper)


def test_signals_beyond_the_range_are_refused():
    top = 1e200 * torch.eye(2, dtype=torch.float64)[None]
    unit, center = torch.eye(2, dtype=torch.float64)[None], torch.ones(1, 2, dtype=torch.float64)
    whole = extremes(1e100 * unit, unit, unit, FULL[torch.float64])
    with pytest.raises(InputError, match="rescale the loss or the model"):
        within_angle(top, unit, unit, center, 0.3, whole)
