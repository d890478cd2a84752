"""Bounds the gain for signals at most an angle θ away from a given loss's, by the S-lemma.

{a : aᵀQa ≥ 0} with Q = a₀a₀ᵀ − cos²θ‖a₀‖²I is the cone. For every s ≥ 0 the greatest eigenvalue of
TᵀT + sQ against BᵀB bounds γ² from above, the least of TᵀT − sQ from below (weak duality), and the
best s loses nothing (Pólik & Terlaky 2007, SIAM Review 49). Whatever s is found, it is a bound:
every_loss.cone and every_loss.angle.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import is_finite
from numeric.every_loss.column_pencils import Extremes

_STEPS = 100


@dataclass(frozen=True)
class _Dual:
    """N = WᵀW, W = TB⁻¹, and the cone's Q, both in coordinates in which ‖B c‖ is ‖w‖."""

    gram: Tensor
    cone: Tensor

    def top(self, s: Tensor, sign: float) -> tuple[Tensor, Tensor, Tensor]:
        """λ_max(±N + sQ) with room for rounding, its vector v, and vᵀQv."""
        whole = sign * self.gram + s[:, None, None] * self.cone
        if not is_finite(whole):
            raise InputError(
                "the signals differ by more than float64 can hold: rescale the loss or the model"
            )
        values, vectors = torch.linalg.eigh(whole)
        v = vectors[:, :, -1]
        size = self.gram.flatten(1).norm(dim=1) + s * self.cone.flatten(1).norm(dim=1)
        room = 4 * whole.shape[1] * torch.finfo(torch.float64).eps * size
        return values[:, -1] + room, v, (v[:, None] @ self.cone @ v[:, :, None])[:, 0, 0]


def within_angle(
    top: Tensor, bottom: Tensor, size: Tensor, center: Tensor, theta: float, whole: Extremes
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Lower, upper (batch,), and the c that attain them, over the c whose size·c is within θ of
    size·center; `whole` are the extremes over every c, which stand where B has no full rank.

    (batch, c, c) float64 each, `center` (batch, c).
    """
    good = (whole.floor == 0) & whole.upper.isfinite()
    unit = torch.eye(top.shape[1]).to(top)
    t, b, l = (torch.where(good[:, None, None], each, unit) for each in (top, bottom, size))
    middle = (l @ center[:, :, None])[:, :, 0]
    middle = middle / torch.linalg.vector_norm(middle, dim=1, keepdim=True)
    base = torch.linalg.solve_triangular(b, l, upper=True, left=False)
    along = (middle[:, None] @ base)[:, 0]
    cone = along[:, :, None] * along[:, None] - math.cos(theta) ** 2 * base.mT @ base
    quotient = torch.linalg.solve_triangular(b, t, upper=True, left=False)
    dual = _Dual(quotient.mT @ quotient, cone)
    at_center = (b @ center[:, :, None])[:, :, 0]
    upper, above = _least_of(dual, 1.0, at_center)
    minus, below = _least_of(dual, -1.0, at_center)
    found = [
        torch.maximum((-minus).clamp(min=0).sqrt(), whole.lower),
        torch.minimum(upper.clamp(min=0).sqrt(), whole.upper),
        *(_solved(b, v) for v in (below, above)),
    ]  # fmt: skip
    known = (whole.lower, whole.upper, whole.lower_at, whole.upper_at)
    return tuple(
        torch.where(good.view(-1, *[1] * (one.dim() - 1)), one, other)
        for one, other in zip(found, known, strict=True)
    )  # type: ignore[return-value]


def _least_of(dual: _Dual, sign: float, center: Tensor) -> tuple[Tensor, Tensor]:
    """min over s ≥ 0 of λ_max(±N + sQ), convex in s, and a vector of the cone that attains it.

    The slope at s is vᵀQv: where it is positive the least lies at a smaller s.
    """
    size = dual.gram.flatten(1).norm(dim=1) / dual.cone.flatten(1).norm(dim=1)
    least, v, slope = dual.top(torch.zeros_like(size), sign)
    free = slope >= 0  # the greatest of all lies in the cone
    inner, outer = center.clone(), v.clone()  # on either side of the cone's surface
    low, high = torch.full_like(size, -60.0), torch.full_like(size, 60.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        value, v, slope = dual.top(size * torch.exp2(middle), sign)
        least = torch.where(free, least, torch.minimum(least, value))
        inside = slope >= 0
        high, low = torch.where(inside, middle, high), torch.where(inside, low, middle)
        inner = torch.where(inside[:, None], v, inner)
        outer = torch.where(inside[:, None], outer, v)
    best = _mixed(dual, sign, inner, outer)
    return least, torch.where(free[:, None], dual.top(torch.zeros_like(size), sign)[1], best)


def _mixed(dual: _Dual, sign: float, inner: Tensor, outer: Tensor) -> Tensor:
    """The better of the two inner + μ·outer on the cone's surface; inner where there is none."""

    def form(matrix: Tensor, one: Tensor, other: Tensor) -> Tensor:
        return (one[:, None] @ matrix @ other[:, :, None])[:, 0, 0]

    inner, outer = (v / torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (inner, outer))
    a, h, c = (
        form(dual.cone, outer, outer),
        form(dual.cone, inner, outer),
        form(dual.cone, inner, inner),
    )
    root = (h * h - a * c).clamp(min=0).sqrt()
    best, at = torch.full_like(a, -torch.inf), inner
    for mu in ((-h + root) / a, (-h - root) / a, torch.zeros_like(a)):
        v = inner + mu[:, None] * outer
        size = (v * v).sum(1)
        value = sign * form(dual.gram, v, v) / size
        # Of two vectors that are nearly one, a mixture may be noise, and off the cone.
        inside = form(dual.cone, v, v) >= -1e-10 * size * dual.cone.flatten(1).norm(dim=1)
        better = value.isfinite() & inside & (value > best)
        best = torch.where(better, value, best)
        at = torch.where(better[:, None], v, at)
    return at


def _solved(b: Tensor, w: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(b, w[:, :, None], upper=True)[:, :, 0]
