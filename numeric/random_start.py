"""Bounds what a random start can have missed: how far an extreme eigenvalue can lie outside the Ritz values.

Every bound holds with a stated probability over the start alone, for whatever matrix. Never imports a term.

Let x be the unit eigenvector of an extreme eigenvalue λ of a symmetric A, q₁ the start, uniform on the sphere, and p_j the
Lanczos polynomials: q_{j+1} = p_j(A) q₁, orthonormal. Then ⟨x, q_{j+1}⟩ = p_j(λ)⟨x, q₁⟩, and Bessel's inequality gives
⟨x, q₁⟩² Σ p_j(λ)² ≤ 1. So where |⟨x, q₁⟩| ≥ τ, no λ with Σ p_j(λ)² > 1/τ² is possible. Van Dorsselaer, Hochstenbach & van der
Vorst 2000 (SIAM J. Matrix Anal. Appl. 22) use the last p_j alone; Hochstenbach 2013 (J. Sci. Comput. 57) does so for σ_max.
Kuczyński & Woźniakowski 1992 (SIAM J. Matrix Anal. Appl. 13) bound the same failure before the run, for the worst spectrum:
P(θ < (1 − ε)λ) ≤ 1.648 √n exp(−√ε(2k−1)) after k steps. What is found here after the run has never been looser (tested).
"""

import torch
from scipy.special import betaincinv
from torch import Tensor

from numeric.krylov import Tridiagonal

_CANDIDATES = 64  # per refinement on a geometric grid: two refinements place a gap within about 2 %
_LARGE = 1e100  # a Lanczos polynomial beyond this has long excluded its point; clamping it keeps infinities out


def least_overlap(dim: int, delta: float, starts: Tensor) -> Tensor:  # (batch,) -> (batch,)
    """τ such that, of `starts` random starts in nested subspaces of ℝ^dim, one has |⟨x, q⟩| ≥ τ with probability ≥ 1 − delta.

    ⟨x, q⟩² follows the Beta(½, (d−1)/2) law for d ≤ dim. All of r starts fall short with probability delta once each does with
    delta^(1/r); each is given half of that, because Σ delta/2^r ≤ delta pays for r being known only after the run.
    """
    if dim == 1:
        return torch.ones(starts.shape, dtype=torch.float64)
    each = delta ** (1 / starts.double()) / 2
    return torch.from_numpy(betaincinv(0.5, (dim - 1) / 2, each.numpy())).sqrt()


def outer_gap(matrix: Tridiagonal, edge: Tensor, side: int, least: Tensor, most: Tensor, overlap: Tensor, stride: int = 1) -> Tensor:
    """How far beyond its Ritz value `edge` the extreme eigenvalue can lie: at least `least`, at most `most` (all (batch,)).

    side: +1 above the largest Ritz value, −1 below the least. `most` must be a bound already known to hold. stride: only the
    polynomials p_0, p_stride, … are summed; 2 for the augmented matrix of a bidiagonalization, whose odd ones are not monotone.
    """
    low, high = least.clamp(min=torch.finfo(torch.float64).tiny), most
    high = torch.maximum(low, high)
    for _ in range(2):
        grid = torch.exp(torch.lerp(low.log()[:, None], high.log()[:, None], torch.linspace(0, 1, _CANDIDATES, dtype=torch.float64)))
        excluded = _least_sum(matrix, edge[:, None] + side * grid, stride) > overlap[:, None] ** -2
        # The last candidate that is not excluded; the outermost is excluded by what is already known.
        inside = torch.where(excluded[:, :-1], 0, torch.arange(1, _CANDIDATES)).amax(1)
        low, high = grid.gather(1, (inside - 1).clamp(min=0)[:, None])[:, 0], grid.gather(1, inside[:, None])[:, 0]
    return high


def _least_sum(matrix: Tridiagonal, points: Tensor, stride: int) -> Tensor:  # (batch, G) -> (batch, G)
    """Σ p_j(point)² of every start's own Lanczos polynomials; the least over the starts."""
    off = matrix.off.clamp(min=torch.finfo(torch.float64).tiny)
    previous, current = torch.zeros_like(points), torch.ones_like(points)
    total, least = torch.ones_like(points), torch.full_like(points, torch.inf)
    link = torch.zeros(len(points), 1, dtype=torch.float64)
    for j, some_closed in enumerate(matrix.closed.any(0).tolist()):
        ahead = ((points - matrix.diagonal[:, j, None]) * current - link * previous) / off[:, j, None]
        previous, current, link = current, ahead.clamp_(-_LARGE, _LARGE), off[:, j, None]
        counted = (j + 1) % stride == 0
        total_ahead = total + current.square() if counted else total
        if some_closed:
            closed = matrix.closed[:, j, None]
            # The vector that closes a block may lie on the other side of an augmented matrix: it counts, but never in the sum.
            least = torch.where(closed, torch.minimum(least, torch.maximum(total, current.square())), least)
            previous, current = torch.where(closed, 0.0, previous), torch.where(closed, 1.0, current)
            total_ahead, link = torch.where(closed, float(counted), total_ahead), torch.where(closed, 0.0, link)
        total = total_ahead
    return torch.where(matrix.closed[:, -1, None], least, torch.minimum(least, total))
