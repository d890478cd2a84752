"""Finds the extremes of ‖T c‖/‖B c‖ over all c, from factors T and B of two sets of columns.

They are roots of the extreme eigenvalues of the pencil (TᵀT, BᵀB). Where B has, in floating point,
no full rank, small directions are not dropped: a bound is given for those c alone whose ‖B c‖ is
above a floor. Proved as every_loss.pencil, every_loss.regular_above and every_loss.regular_below.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

FULL = {torch.float64: 2.0**-26, torch.float32: 2.0**-20}
"""A least singular value of at most this share of the greatest is not told from zero, by the
precision in which the columns were made."""
_SHARES = tuple(2.0**each for each in (*range(-36, -5, 3), *range(-5, 3)))


@dataclass(frozen=True, eq=False)
class Extremes:
    """Of each sample, (batch,): `lower` ≤ ‖T c‖/‖B c‖ ≤ `upper` for every c with ‖B c‖ > 0 and
    ‖B c‖ ≥ `floor`·‖L c‖; NaN where B is zero. `lower_at` and `upper_at` (batch, c) attain them.

    `condition` is that of B with columns of about equal length, `rank_*` numerical ranks.
    """

    lower: Tensor
    upper: Tensor
    lower_at: Tensor
    upper_at: Tensor
    rank_top: Tensor
    rank_bottom: Tensor
    condition: Tensor
    floor: Tensor


def extremes(top: Tensor, bottom: Tensor, size: Tensor, full: float) -> Extremes:
    """(batch, c, c) float64 each; ‖size·c‖ is what the floor is relative to.

    `full` is the share of the greatest singular value above which one is not taken for zero.
    """
    scale = _even(bottom)
    t, b, l = (each * scale[:, None] for each in (top, bottom, size))
    values = torch.linalg.svdvals(b)
    greatest = values[:, :1]
    rank = (values > full * greatest).sum(1)
    deficient = (rank < b.shape[2]) & (greatest[:, 0] > 0)
    made = _of_full_rank(t, b, full)
    floor = torch.zeros_like(made[0])
    if deficient.any():
        tops, bottoms, sizes = (each[deficient] for each in (t, b, l))
        floor[deficient] = height = full * _norm_against(bottoms, sizes)
        parts = _above_floor(tops, bottoms, sizes, height)
        for whole, part in zip(made, parts, strict=True):
            whole[deficient] = part
    dead = greatest[:, 0] == 0
    lower, upper, lower_at, upper_at = made
    lower[dead] = upper[dead] = torch.nan
    condition = torch.where(values[:, -1] > 0, greatest[:, 0] / values[:, -1], torch.inf)
    of_top = torch.linalg.svdvals(t)
    return Extremes(
        lower, upper, lower_at * scale, upper_at * scale,
        (of_top > full * of_top[:, :1]).sum(1), rank, condition, floor,
    )  # fmt: skip


def _even(bottom: Tensor) -> Tensor:
    """Powers of two that make B's columns about as long as each other, (batch, c)."""
    lengths = torch.linalg.vector_norm(bottom, dim=1)
    return torch.where(lengths > 0, torch.exp2(-torch.frexp(lengths).exponent.double()), 1.0)


def _of_full_rank(t: Tensor, b: Tensor, full: float) -> list[Tensor]:
    """Lower, upper, and the vectors of both; without meaning where B has not full rank."""
    upper, upper_at = _greatest(t, b)
    inverse, lower_at = _greatest(b, t)
    lower = 1 / inverse
    # From the other side the least is as accurate as the greatest, unless T is nearly singular.
    blunt = ~(inverse.isfinite() & (inverse * upper * full < 1))
    if blunt.any():
        some_t, some_b = t[blunt], b[blunt]
        quotient = _divided(some_t, some_b)
        finite = quotient.isfinite().flatten(1).all(1)[:, None, None]
        right = torch.linalg.svd(torch.where(finite, quotient, 0.0)).Vh
        lower_at[blunt] = least_at = _solved(some_b, right[:, -1])
        least = _ratio(some_t, some_b, least_at)
        lower[blunt] = torch.where(least > full * upper[blunt], least, 0.0)
    return [lower, upper, lower_at, upper_at]


def _above_floor(t: Tensor, b: Tensor, l: Tensor, floor: Tensor) -> list[Tensor]:
    """The same over the c with ‖B c‖ ≥ floor·‖L c‖: from ‖T c‖² ≤ ρ²(‖B c‖² + β²‖L c‖²) follows
    γ² ≤ ρ²(1 + β²/floor²), and from ‖B c‖² ≤ ρ²(‖T c‖² + β²‖L c‖²) that γ² ≥ 1/ρ² − β²/floor².

    Every β gives a bound; the best of a few is taken.
    """
    best = [torch.zeros_like(floor), torch.full_like(floor, torch.inf)]
    vectors = [torch.zeros_like(t[:, 0]), torch.zeros_like(t[:, 0])]
    for share in _SHARES:
        beta = math.sqrt(share) * floor
        rho, at = _greatest(t, _stacked(b, l, beta))
        value = rho * math.sqrt(1 + share)
        better = value < best[1]
        best[1] = torch.where(better, value, best[1])
        vectors[1] = torch.where(better[:, None], at, vectors[1])
    for share in _SHARES:
        beta = math.sqrt(share) * floor * best[1]
        inverse, at = _greatest(b, _stacked(t, l, beta))
        square = 1 / inverse**2 - share * best[1] ** 2
        value = square.clamp(min=0).sqrt().nan_to_num(0.0)
        better = value > best[0]
        best[0] = torch.where(better, value, best[0])
        vectors[0] = torch.where(better[:, None], at, vectors[0])
    return [*best, *vectors]


def _stacked(b: Tensor, l: Tensor, beta: Tensor) -> Tensor:
    """R with ‖R c‖² = ‖B c‖² + β²‖L c‖²."""
    return torch.linalg.qr(torch.cat([b, beta[:, None, None] * l], 1), mode="r").R


def _greatest(t: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """max ‖T c‖/‖B c‖ and its c, B upper triangular; infinite where B is singular."""
    quotient = _divided(t, b)
    size = quotient.abs().amax((1, 2))
    bad = ~size.isfinite()
    size = torch.where(bad | (size == 0), 1.0, size)
    quotient = torch.where(bad[:, None, None], 0.0, quotient / size[:, None, None])
    # Of the greatest an eigenvalue of the square is as accurate as a singular value, and faster.
    values, vectors = torch.linalg.eigh(quotient.mT @ quotient)
    at = _solved(b, vectors[:, :, -1])
    greatest = size * values[:, -1].clamp(min=0).sqrt()
    return torch.where(bad, torch.inf, greatest), torch.where(bad[:, None], 0.0, at)


def _divided(t: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(b, t, upper=True, left=False).nan_to_num(
        torch.inf, torch.inf, -torch.inf
    )


def _solved(b: Tensor, vector: Tensor) -> Tensor:
    found = torch.linalg.solve_triangular(b, vector[:, :, None], upper=True)[:, :, 0]
    return found.nan_to_num(0.0, 0.0, 0.0)


def _ratio(t: Tensor, b: Tensor, c: Tensor) -> Tensor:
    above, below = (torch.linalg.vector_norm(each @ c[:, :, None], dim=(1, 2)) for each in (t, b))
    return above / below


def _norm_against(b: Tensor, l: Tensor) -> Tensor:
    """max ‖B c‖/‖L c‖."""
    return _greatest(b, torch.linalg.qr(l, mode="r").R)[0]
