"""Encloses extreme singular values and numerical ranges of batched operators, from matrix-vector products alone.

The inner ends are Ritz values; the outer ends hold with a stated probability over the method's own random start
("probable", never stronger). Never imports a term.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from numeric.checks import check_estimate
from numeric.krylov import Tridiagonal, golub_kahan, lanczos
from numeric.operators import Adjoint, LinearOperator
from numeric.random_start import least_overlap, outer_gap
from numeric.tolerances import tolerances


@dataclass(frozen=True)
class Enclosure:
    """Per sample, low ≤ true value ≤ high with probability at least 1 − delta over the method's random start.

    low, high: (batch,) float64 on the operator's device, widened by a rounding allowance relative to the largest product seen.
    delta: of each sample by itself; 0.0 where nothing was left to chance. residual: (batch,) ‖A y − θ y‖ of the Ritz pair.
    """

    low: Tensor
    high: Tensor
    delta: float
    residual: Tensor


def sigma_max(operator: LinearOperator, *, steps: int = 40, delta: float = 1e-6, seed: int = 0) -> Enclosure:
    """Encloses σ_max(J) = max over unit v of ‖Jv‖ with `steps` products by J and as many by Jᵀ; raises InputError on bad settings."""
    return _Singular(operator, steps, delta, seed).greatest()


def sigma_min_adjoint(operator: LinearOperator, *, steps: int = 40, delta: float = 1e-6, seed: int = 0) -> Enclosure:
    """Encloses σ_min(Jᵀ) = min over unit u of ‖Jᵀu‖, which is 0 when m > n; costs and raises like `sigma_max`."""
    if operator.out_dim > operator.in_dim:
        check_estimate(steps, delta, seed)
        return _zero(operator)
    return _Singular(operator, steps, delta, seed).least()


def singular_extremes(operator: LinearOperator, *, steps: int = 40, delta: float = 1e-6, seed: int = 0) -> tuple[Enclosure, Enclosure]:
    """Encloses (σ_min(Jᵀ), σ_max(J)) at the cost of `sigma_max` alone; each fails with probability at most delta."""
    run = _Singular(operator, steps, delta, seed)
    return _zero(operator) if operator.out_dim > operator.in_dim else run.least(), run.greatest()


def symmetric_extremes(operator: LinearOperator, *, steps: int = 40, delta: float = 1e-6, seed: int = 0) -> tuple[Enclosure, Enclosure]:
    """Encloses (μ, λ), the extreme eigenvalues of (J + Jᵀ)/2, with `steps` products by J and by Jᵀ; each fails with probability
    at most delta. Raises InputError on bad settings or if J does not map a space to itself."""
    check_estimate(steps, delta, seed)
    run = lanczos(operator, steps, seed)
    values, vectors = torch.linalg.eigh(run.matrix())
    residuals = run.off[:, -1, None] * vectors[:, -1].abs()
    ends = _Ends(operator, run, operator.in_dim, delta, stride=1)
    lower = ends.enclose(values[:, 0], -1, ends.reach, residuals[:, 0])
    upper = ends.enclose(values[:, -1], +1, ends.reach, residuals[:, -1])
    return lower, upper


class _Singular:
    """One bidiagonalization, started in the smaller of the two spaces, and the ends of its singular values."""

    def __init__(self, operator: LinearOperator, steps: int, delta: float, seed: int) -> None:
        check_estimate(steps, delta, seed)
        tall = operator if operator.out_dim >= operator.in_dim else Adjoint(operator)
        run = golub_kahan(tall, steps, seed)
        left, self.values, _ = torch.linalg.svd(run.matrix())
        self.residuals = run.beta[:, -1, None] * left[:, -1].abs()
        self.ends = _Ends(operator, run.augmented(), tall.in_dim, delta, stride=2)

    def greatest(self) -> Enclosure:
        return _non_negative(self.ends.enclose(self.values[:, 0], +1, self.ends.reach, self.residuals[:, 0]))

    def least(self) -> Enclosure:
        ritz = self.values[:, -1]
        return _non_negative(self.ends.enclose(ritz, -1, ritz, self.residuals[:, -1]))


class _Ends:
    """What both ends of a run share: the enclosure of an end goes from its Ritz value to where no start could have missed it."""

    def __init__(self, operator: LinearOperator, run: Tridiagonal, dim: int, delta: float, stride: int) -> None:
        self.run, self.stride, self.device = run, stride, operator.device
        self.complete = run.off.shape[1] == stride * dim  # the Krylov bases span their whole space
        self.delta = 0.0 if self.complete else delta
        self.starts = 1 + run.closed[:, :-1].sum(1)
        # Not dim: a restart may lie in the larger of the two spaces, where overlaps are smaller.
        self.overlap = least_overlap(max(operator.in_dim, operator.out_dim), delta, self.starts)
        table = tolerances(operator.dtype)
        self.allowance = (table.rounding + table.breakdown * (self.starts - 1).sqrt()) * run.scale
        # Beyond a Ritz value by this much, the first Lanczos polynomial of any start already excludes a point.
        self.reach = run.off.amax(1) / self.overlap

    def enclose(self, ritz: Tensor, side: int, most: Tensor, residual: Tensor) -> Enclosure:
        gap = torch.zeros_like(ritz)
        if not self.complete:
            gap = outer_gap(self.run, ritz, side, self.allowance, most, self.overlap, self.stride)
        inner, outer = ritz - side * self.allowance, ritz + side * (gap + self.allowance)
        low, high = (inner, outer) if side > 0 else (outer, inner)
        return Enclosure(low.to(self.device), high.to(self.device), self.delta, residual.to(self.device))


def _non_negative(enclosure: Enclosure) -> Enclosure:
    return replace(enclosure, low=enclosure.low.clamp(min=0))


def _zero(operator: LinearOperator) -> Enclosure:
    zero = torch.zeros(operator.batch, dtype=torch.float64, device=operator.device)
    return Enclosure(zero, zero, 0.0, zero)
