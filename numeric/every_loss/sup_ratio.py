"""Bounds sup ‖Nᵀa‖/‖Dᵀa‖ over every a ≠ 0 beyond doubt, N and D enclosed: guess, then verify.

Whatever the square matrix S is: if ‖SᵀD(SᵀD)ᵀ − I‖_∞ ≤ E < 1, then S is regular, so every a is S y,
‖Dᵀa‖² ≥ (1 − E)‖y‖² and ‖Nᵀa‖² ≤ ‖SᵀN(SᵀN)ᵀ‖_∞ ‖y‖². What is trusted are sums and products of
float64 on the CPU, in whatever order.
"""

import math

import torch
from flint import arb
from torch import Tensor

from derivations.errors import InputError
from numeric.certified import balls
from numeric.certified.balls import float_above, gamma, precise, up
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.matrix_norms import check_subnormals


def sup_ratio(top: Enclosed, bottom: Enclosed) -> Tensor:
    """No less than sup ‖Nᵀa‖/‖Dᵀa‖ for all N and D within their radii, (batch,) float64.

    (batch, c, n) and (batch, c, m), the same c. Infinite where D may have a kernel, or is too near
    to one; 0 where N is zero beyond doubt and D has none. Raises InputError for other shapes.
    """
    check_subnormals()
    if top.mid.dim() != 3 or bottom.mid.dim() != 3 or top.shape[:2] != bottom.shape[:2]:
        raise InputError(
            f"no ratio of {tuple(top.shape)} and {tuple(bottom.shape)}: give (batch, c, n) and "
            "(batch, c, m)"
        )
    if not all(top.shape) or not all(bottom.shape):
        raise InputError("no ratio of empty matrices: give at least one row and column")
    if not all(each.isfinite().all() for v in (top, bottom) for each in (v.mid, v.rad)):
        raise InputError("no ratio of matrices that are not finite")
    (n, above), (d, below) = _scaled(top), _scaled(bottom)
    guess = _guess(n.mid, d.mid)
    good = guess.isfinite().flatten(1).all(1)
    guess = torch.where(good[:, None, None], guess, 0.0)
    gram_top, gram_bottom = (_gram(_times(guess, each)) for each in (n, d))
    unit = torch.eye(guess.shape[1], dtype=torch.float64)
    apart = (gram_bottom.mid - unit).abs()
    apart = up(apart * (1 + 2 * balls.UNIT) + gram_bottom.rad)
    defect = up(apart.sum(2), apart.shape[2]).amax(1)
    size = up(gram_top.size().sum(2), apart.shape[2]).amax(1)
    nothing = top.is_zero().flatten(1).all(1)
    return torch.tensor(
        [
            _root(each, lost, by, of, none) if known and lost < 1 else math.inf
            for each, lost, by, of, none, known in zip(
                *(v.tolist() for v in (size, defect, above, below, nothing, good)), strict=True
            )
        ],
        dtype=torch.float64,
    )


def _root(size: float, defect: float, above: int, below: int, nothing: bool) -> float:
    """√(size/(1 − defect))·2^(above − below), rounded up."""
    if nothing:
        return 0.0
    with precise():
        try:
            return float_above((arb(size) / (1 - arb(defect))).sqrt() * arb(2) ** (above - below))
        except InputError:  # beyond the range of float64
            return math.inf


def _guess(n: Tensor, d: Tensor) -> Tensor:
    """S = R⁻¹U, R of a QR of Dᵀ and U the left singular vectors of R⁻ᵀN: nothing rests on it."""
    if d.shape[2] < d.shape[1]:
        return torch.full_like(d[:, :, :1].expand(-1, -1, d.shape[1]), torch.nan)
    r = torch.linalg.qr(d.mT, mode="r").R
    s = torch.linalg.qr(n.mT, mode="r").R
    w = torch.linalg.solve_triangular(r, s, upper=True, left=False)
    w = torch.where(w.isfinite().flatten(1).all(1)[:, None, None], w, 0.0)
    right = torch.linalg.svd(w.mT, full_matrices=True).U
    return torch.linalg.solve_triangular(r, right, upper=True)


def _scaled(v: Enclosed) -> tuple[Enclosed, Tensor]:
    """v·2^−e with entries of order one, and e (batch,): so no square under- or overflows."""
    exponents = torch.frexp(v.size().flatten(1).amax(1)).exponent.clamp(-1000, 1000)
    # Not torch.exp2 or ldexp: their powers of two may be off in the last place.
    factor = torch.tensor(
        [[[math.ldexp(1.0, -e)]] for e in exponents.tolist()], dtype=torch.float64
    )
    rad = torch.where(v.is_zero(), 0, up(v.rad * factor) + 2 * balls.TINY)
    return Enclosed(v.mid * factor, rad), exponents


def _times(s: Tensor, v: Enclosed) -> Enclosed:
    """Sᵀv for a stored S (batch, c, c)."""
    terms = s.shape[1]
    spread = s.abs().mT @ up(v.rad + gamma(terms) * v.mid.abs(), 2)
    return Enclosed(s.mT @ v.mid, up(spread, terms) + terms * balls.TINY)


def _gram(v: Enclosed) -> Enclosed:
    """v vᵀ, (batch, c, n) -> (batch, c, c)."""
    terms, size = v.shape[2], v.mid.abs()
    mixed = size @ v.rad.mT
    spread = mixed + mixed.mT + v.rad @ v.rad.mT + gamma(terms) * (size @ size.mT)
    return Enclosed(v.mid @ v.mid.mT, up(spread, 4 * terms) + terms * balls.TINY)
