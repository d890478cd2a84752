"""Bounds how far an extreme eigenvalue can lie outside the Ritz values of a random start.

Every bound holds with a stated probability over the start alone, for whatever matrix, and after
every step of a run at once: whoever looks at each step and stops where he likes pays nothing for
it. Never imports a term.

Let x be the unit eigenvector of an extreme eigenvalue λ of a symmetric A, q₁ the start, uniform on
the sphere, and p_j the Lanczos polynomials: q_{j+1} = p_j(A) q₁, orthonormal. Then ⟨x, q_{j+1}⟩ =
p_j(λ)⟨x, q₁⟩, and Bessel's inequality gives ⟨x, q₁⟩² Σ p_j(λ)² ≤ 1. So where |⟨x, q₁⟩| ≥ τ, no λ
with Σ p_j(λ)² > 1/τ² is possible, however many j are summed. Van Dorsselaer, Hochstenbach & van der
Vorst 2000 (SIAM J. Matrix Anal. Appl. 22) use the last p_j alone; Hochstenbach 2013 (J. Sci.
Comput. 57) does so for σ_max. Kuczyński & Woźniakowski 1992 (SIAM J. Matrix Anal. Appl. 13) bound
the same failure before the run, for the worst spectrum: P(θ < (1 − ε)λ) ≤ 1.648 √n exp(−√ε(2k−1))
after k steps. What is found here after the run has never been looser (tested).
"""

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import betaincinv
from torch import Tensor

from numeric.operators.krylov import Tridiagonal

FloatArray = npt.NDArray[np.float64]

_CANDIDATES = 64  # per refinement on a geometric grid: two refinements place a gap within about 2 %
_LARGE = 1e100  # a polynomial beyond has long excluded its point; clamped, it makes no infinities


def least_overlap(dim: int, delta: float, starts: Tensor) -> Tensor:  # (batch,) -> (batch,)
    """τ such that |⟨x, q⟩| ≥ τ for one of the random starts q, with probability ≥ 1 − delta.

    The `starts` random starts lie in nested subspaces of ℝ^dim. ⟨x, q⟩² follows the Beta(½,
    (d−1)/2) law for d ≤ dim. All of r starts fall short with probability delta once each does with
    delta^(1/r); each is given half of that, because Σ delta/2^r ≤ delta pays for r being known only
    after the run. That sum is over all r: with probability ≥ 1 − delta there is no r whose first r
    starts all fall short, so a run with restarts may stop anywhere too.
    """
    if dim == 1:
        return torch.ones(starts.shape, dtype=torch.float64)
    each = delta ** (1 / starts.double()) / 2
    return torch.from_numpy(betaincinv(0.5, (dim - 1) / 2, each.numpy())).sqrt()


def outer_gap(
    matrix: Tridiagonal,
    edge: Tensor,
    side: int,
    least: Tensor,
    most: Tensor,
    overlap: Tensor,
    stride: int = 1,
) -> Tensor:
    """How far beyond its Ritz value `edge` the extreme eigenvalue can lie.

    At least `least`, at most `most` (all (batch,)). side: +1 above the largest Ritz value, −1 below
    the least. `most` must be a bound already known to hold. stride: only the polynomials p_0,
    p_stride, … are summed; 2 for the augmented matrix of a bidiagonalization, whose odd ones are
    not monotone.
    """
    low, high = least.clamp(min=torch.finfo(torch.float64).tiny), most
    high = torch.maximum(low, high)
    for _ in range(2):
        grid = torch.exp(
            torch.lerp(
                low.log()[:, None],
                high.log()[:, None],
                torch.linspace(0, 1, _CANDIDATES, dtype=torch.float64),
            )
        )
        excluded = _least_sum(matrix, edge[:, None] + side * grid, stride) > overlap[:, None] ** -2
        # The last candidate that is not excluded; the outermost is excluded by what is already
        # known.
        inside = torch.where(excluded[:, :-1], 0, torch.arange(1, _CANDIDATES)).amax(1)
        low, high = (
            grid.gather(1, (inside - 1).clamp(min=0)[:, None])[:, 0],
            grid.gather(1, inside[:, None])[:, 0],
        )
    return high


def _least_sum(
    matrix: Tridiagonal, points: Tensor, stride: int
) -> Tensor:  # (batch, G) -> (batch, G)
    """Σ p_j(point)² of every start's own Lanczos polynomials; the least over the starts."""
    # In NumPy and in place, for these arrays are so small that calls are all that is felt.
    off = np.maximum(matrix.off.numpy(), np.finfo(np.float64).tiny)
    diagonal, closings = matrix.diagonal.numpy().T[:, :, None], matrix.closed.numpy()
    # p_{j+1} = slope_j p_j − back_j p_{j−1}
    with np.errstate(over="ignore"):
        slopes = _clamped((points.numpy() - diagonal) / off.T[:, :, None])
        links = np.where(closings, 0, matrix.off.numpy())[:, :-1] / off[:, 1:]
    back = _clamped(np.pad(links, ((0, 0), (1, 0)))).T[:, :, None]
    previous, current = np.zeros(points.shape), np.ones(points.shape)
    total, least = np.ones(points.shape), np.full(points.shape, np.inf)
    for j, some_closed in enumerate(matrix.closed.any(0).tolist()):
        previous *= back[j]
        slope = slopes[j]
        slope *= current
        slope -= previous
        previous, current = current, _clamped(slope)
        counted = (j + 1) % stride == 0
        square = current * current
        ahead = total + square if counted else total
        if some_closed:
            closed = closings[:, j, None]
            # The vector that closes a block may lie on the other side of an augmented matrix: it
            # counts, but never in the sum.
            least = np.where(closed, np.minimum(least, np.maximum(total, square)), least)
            current = np.where(closed, 1.0, current)
            ahead = np.where(closed, float(counted), ahead)
        total = ahead
    found = np.where(closings[:, -1, None], least, np.minimum(least, total))
    return torch.from_numpy(found)


def _clamped(values: FloatArray) -> FloatArray:
    """In place."""
    np.minimum(values, _LARGE, out=values)
    return np.maximum(values, -_LARGE, out=values)
