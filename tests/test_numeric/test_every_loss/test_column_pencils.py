"""Extreme ratios of columns against a reference of 60 digits, and against every direction tried."""

import mpmath as mp
import pytest
import torch
from strategies import gaussian
from torch import Tensor

from numeric.every_loss.column_pencils import FULL, extremes

DOUBLE = FULL[torch.float64]


def factor(columns: Tensor) -> Tensor:
    return torch.linalg.qr(columns, mode="r").R[None]


def made(top: Tensor, bottom: Tensor, full: float = DOUBLE):
    unit = torch.eye(bottom.shape[1], dtype=torch.float64)[None]
    return extremes(factor(top), factor(bottom), unit, full)


def reference(top: Tensor, bottom: Tensor) -> tuple[float, float]:
    """The ends by 60 digits, from Gram matrices and a Cholesky factor."""
    with mp.workdps(60):
        t, b = (mp.matrix(each.double().tolist()) for each in (top, bottom))
        inverse = mp.cholesky(b.T * b) ** -1
        whole = inverse * (t.T * t) * inverse.T
        values = mp.eigsy((whole + whole.T) / 2, eigvals_only=True)
        return float(mp.sqrt(max(min(values), 0))), float(mp.sqrt(max(values)))


def ratio(top: Tensor, bottom: Tensor, c: Tensor) -> float:
    return float((top @ c).norm() / (bottom @ c).norm())


def ill(condition: float, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """A bottom (20, 5) of this condition."""
    q, _ = torch.linalg.qr(gaussian(20, 5, seed=seed))
    v, _ = torch.linalg.qr(gaussian(5, 5, seed=seed + 1))
    return (q * torch.logspace(0, -torch.tensor(condition).log10().item(), 5).double() @ v).to(
        dtype
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("condition", [1.0, 1e3, 3e5])
def test_stored_columns_are_bounded_to_nine_digits(condition, dtype):
    for seed in range(3):
        bottom = ill(condition, seed, dtype).double()
        # What a block makes of its output's signals, rounded as the network's precision has it.
        top = (gaussian(9, 20, seed=seed + 7) @ bottom).to(dtype).double()
        found, (low, high) = made(top, bottom, FULL[dtype]), reference(top, bottom)
        assert found.floor.item() == 0
        assert found.upper.item() == pytest.approx(high, rel=1e-9)
        assert found.lower.item() == pytest.approx(low, rel=1e-9)
        assert ratio(top, bottom, found.upper_at[0]) == pytest.approx(high, rel=1e-9)
        assert ratio(top, bottom, found.lower_at[0]) == pytest.approx(low, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_scales_and_uneven_columns_cost_nothing(scale):
    top, bottom = gaussian(9, 5, seed=0), gaussian(7, 5, seed=1)
    uneven = torch.tensor([1e-30, 1e9, 1.0, 1e-3, 1e30], dtype=torch.float64)
    plain, other = made(top, bottom), made(scale * top * uneven, bottom * uneven)
    assert other.floor.item() == 0
    assert other.upper.item() == pytest.approx(scale * plain.upper.item(), rel=1e-12)
    assert other.lower.item() == pytest.approx(scale * plain.lower.item(), rel=1e-12)
    assert other.condition.item() < 100


def test_a_small_direction_is_not_dropped():
    """Bounds hold for every c whose signal is above the floor, in the small direction too."""
    bottom = ill(1e9, 0)
    u, s, vh = torch.linalg.svd(bottom, full_matrices=False)
    top = 5 * u[:, -1:] @ vh[-1:] * s[-1] + gaussian(20, 4, seed=3) @ torch.diag(s[:4]) @ vh[:4]
    found = made(top, bottom)
    assert found.rank_bottom.item() == 4
    floor = found.floor.item()
    assert floor == pytest.approx(DOUBLE, rel=1e-6)
    nearest, tried = 0.0, 0
    for seed in range(2000):
        weight = 10.0 ** (
            12 * torch.rand(5, generator=torch.Generator().manual_seed(seed)).double()
        )
        c = vh.T @ (gaussian(5, seed=seed) * weight)
        if (bottom @ c).norm() >= floor * c.norm():
            tried += 1
            gain = ratio(top, bottom, c)
            nearest = max(nearest, gain / found.upper.item())
            assert found.lower.item() * (1 - 1e-9) <= gain <= found.upper.item() * (1 + 1e-9)
    assert tried > 200
    assert nearest > 0.5


def test_a_floor_lowers_the_lower_bound_as_far_as_it_must():
    """Every gain is 1 but that of a direction below the floor, which is lost: what is a little
    above the floor and mostly in that direction has a gain of √(1 − share²).
    """
    u, _, vh = torch.linalg.svd(gaussian(20, 5, seed=0), full_matrices=False)
    sizes = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.5 * DOUBLE], dtype=torch.float64)
    bottom, top = u * sizes @ vh, u[:, :4] @ vh[:4]
    found = made(top, bottom)
    floor = found.floor.item()
    assert floor == pytest.approx(DOUBLE)
    c = vh[4] + floor * 0.75**0.5 * vh[0]  # ‖B c‖ is the floor's, as ‖c‖ is 1
    gain = ratio(top, bottom, c)
    assert gain == pytest.approx(0.75**0.5, rel=1e-6)
    assert found.lower.item() <= gain * (1 + 1e-9)
    assert found.lower.item() >= 0.95 * gain
    assert found.upper.item() == pytest.approx(1, rel=1e-6)


def test_the_floor_makes_the_difference():
    """A kernel in which the top sees noise: the ratio there is any number, and is not reported."""
    bottom, top = ill(1.0, 0), gaussian(20, 5, seed=2)
    bottom[:, 4] = bottom[:, 3] * (1 + 1e-15)
    top[:, 4] = top[:, 3] * (1 - 1e-13)
    found = made(top, bottom)
    alone = made(top[:, :4], bottom[:, :4])
    assert found.floor.item() > 0
    assert found.upper.item() == pytest.approx(alone.upper.item(), rel=1e-5)
    assert found.lower.item() == pytest.approx(alone.lower.item(), rel=1e-5)


def test_fewer_rows_than_columns_are_a_kernel():
    bottom = gaussian(3, 5, seed=0)
    top = gaussian(4, 3, seed=1) @ bottom
    padded = torch.nn.functional.pad
    found = extremes(
        padded(factor(top), (0, 0, 0, 1)), padded(factor(bottom), (0, 0, 0, 2)),
        torch.eye(5).double()[None], DOUBLE,
    )  # fmt: skip
    assert found.rank_bottom.item() == 3
    low, high = torch.linalg.svdvals(gaussian(4, 3, seed=1))[[2, 0]].tolist()
    assert found.upper.item() == pytest.approx(high, rel=1e-6)
    assert found.lower.item() == pytest.approx(low, rel=1e-6)


def test_zero_columns_have_no_ratio():
    found = made(gaussian(9, 5, seed=0), torch.zeros(7, 5).double())
    assert found.lower.isnan().all()
    assert found.upper.isnan().all()
    assert found.rank_bottom.item() == 0


def test_samples_do_not_meet():
    tops, bottoms = gaussian(3, 5, 5, seed=0).triu(), gaussian(3, 5, 5, seed=1).triu()
    bottoms[1, :, 2] = bottoms[1, :, 1]
    bottoms[1] = torch.linalg.qr(bottoms[1]).R
    unit = torch.eye(5).double().expand(3, 5, 5)
    whole = extremes(tops, bottoms, unit, DOUBLE)
    for k in range(3):
        alone = extremes(tops[k : k + 1], bottoms[k : k + 1], unit[:1], DOUBLE)
        for name in ("lower", "upper", "floor", "condition"):
            assert torch.allclose(getattr(whole, name)[k], getattr(alone, name)[0], rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_behind_a_dead_block_both_ends_are_zero(scale, count):
    unit = torch.eye(count, dtype=torch.float64)[None]
    bottom = scale * (unit + gaussian(1, count, count, seed=1).triu(1))
    found = extremes(torch.zeros_like(unit), bottom, unit, FULL[torch.float64])
    assert (found.lower.item(), found.upper.item()) == (0.0, 0.0)
