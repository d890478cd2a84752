"""Encloses the ends of a spectrum from one Krylov run, as it stands after any of its steps.

The inner ends are Ritz values; the outer ends hold with a stated probability over the run's own
random start ("probable", never stronger). Never imports a term.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.operators.krylov import Bidiagonal, Tridiagonal
from numeric.operators.linear_operator import LinearOperator
from numeric.operators.random_start import least_overlap, outer_gap
from numeric.runs.sample_summary import HEAD, between, samples
from numeric.tolerances import tolerances


@dataclass(frozen=True, repr=False)
class Enclosure(Shown):
    """Per sample, low ≤ true value ≤ high with probability at least 1 − delta.

    The probability is over the method's random start.

    low, high: (batch,) float64 on the operator's device, widened by a rounding allowance relative
    to the largest product seen, or to an identity or diagonal that the operator adds to it. What a
    function loses by cancellation inside is not seen.

    delta: of each sample by itself; 0.0 where nothing was left to chance for any.

    residual: (batch,) ‖A y − θ y‖ of the Ritz pair.

    steps: (batch,) int64, the steps after which each sample's answer was taken; 0, for all, where
    none was needed.
    """

    low: Tensor
    high: Tensor
    delta: float
    residual: Tensor
    steps: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.int64))

    def showing(self) -> Showing:
        sure = f"probable, δ = {self.delta:.3g} each" if self.delta else "exact up to rounding"
        rows = between(self.low, self.high, "value")
        title = f"Enclosure over {samples(self.low.numel())}, {sure}"
        return Showing(title, ("", *HEAD), rows)


class Ends(ABC):
    """A run at one of its steps.

    The enclosure of an end goes from its Ritz value to where no start could have missed it.
    """

    def __init__(
        self, operator: LinearOperator, run: Tridiagonal, dim: int, delta: float, stride: int
    ) -> None:
        self.run, self.stride, self.device = run, stride, operator.device
        self.steps = torch.full((operator.batch,), run.off.shape[1] // stride, device=self.device)
        self.complete = run.off.shape[1] == stride * dim  # the Krylov bases span their whole space
        self.delta = 0.0 if self.complete else delta
        self.starts = 1 + run.closed[:, :-1].sum(1)
        # Not dim: a restart may lie in the larger of the two spaces, where overlaps are smaller.
        self.overlap = least_overlap(max(operator.in_dim, operator.out_dim), delta, self.starts)
        table = tolerances(operator.dtype)
        # Below tiny / eps lengths and their ratios are subnormal, and rounding is no longer
        # relative to them.
        scale = torch.where(
            run.scale > 0, run.scale.clamp(min=torch.finfo(operator.dtype).tiny / table.eps), 0
        )
        self.allowance = (table.rounding + table.breakdown * (self.starts - 1).sqrt()) * scale
        # Beyond a Ritz value by this much, the first Lanczos polynomial of any start already
        # excludes a point.
        self.reach = run.off.amax(1) / self.overlap

    @cached_property
    @abstractmethod
    def least(self) -> Enclosure: ...

    @cached_property
    @abstractmethod
    def greatest(self) -> Enclosure: ...

    @property
    @abstractmethod
    def size(self) -> Tensor:
        """(batch,) the largest magnitude of an outer end."""

    def enclose(self, ritz: Tensor, side: int, most: Tensor, residual: Tensor) -> Enclosure:
        # A complete run has seen the whole space: its Ritz values are eigenvalues, up to rounding.
        gap = torch.zeros_like(ritz)
        if not self.complete:
            gap = outer_gap(self.run, ritz, side, self.allowance, most, self.overlap, self.stride)
        inner, outer = ritz - side * self.allowance, ritz + side * (gap + self.allowance)
        low, high = (inner, outer) if side > 0 else (outer, inner)
        if not (low.isfinite() & high.isfinite()).all():
            raise InputError(
                "an end of the spectrum may be beyond the range of float64: rescale the operator"
            )
        return Enclosure(
            low.to(self.device),
            high.to(self.device),
            self.delta,
            residual.to(self.device),
            self.steps,
        )


class SymmetricEnds(Ends):
    """The ends of the eigenvalues of (J + Jᵀ)/2."""

    def __init__(self, operator: LinearOperator, run: Tridiagonal, delta: float) -> None:
        super().__init__(operator, run, operator.in_dim, delta, stride=1)
        self.values, vectors = torch.linalg.eigh(run.matrix())
        self.residuals = run.off[:, -1, None] * vectors[:, -1].abs()

    @cached_property
    def least(self) -> Enclosure:
        return self.enclose(self.values[:, 0], -1, self.reach, self.residuals[:, 0])

    @cached_property
    def greatest(self) -> Enclosure:
        return self.enclose(self.values[:, -1], +1, self.reach, self.residuals[:, -1])

    @property
    def size(self) -> Tensor:
        return torch.maximum(self.least.low.abs(), self.greatest.high.abs())


class SingularEnds(Ends):
    """The ends of the singular values of J, from the bidiagonalization of J or Jᵀ.

    Of the two the one that starts in the smaller space.
    """

    def __init__(self, operator: LinearOperator, run: Bidiagonal, delta: float) -> None:
        super().__init__(
            operator, run.augmented(), min(operator.in_dim, operator.out_dim), delta, stride=2
        )
        self.operator, self.tall = operator, operator.out_dim > operator.in_dim
        left, self.values, _ = torch.linalg.svd(run.matrix())
        self.residuals = run.beta[:, -1, None] * left[:, -1].abs()

    @cached_property
    def least(self) -> Enclosure:
        """Of Jᵀ, which maps something to zero where J is tall."""
        if self.tall:
            return zero_enclosure(self.operator)
        ritz = self.values[:, -1]
        return _non_negative(self.enclose(ritz, -1, ritz, self.residuals[:, -1]))

    @cached_property
    def greatest(self) -> Enclosure:
        return _non_negative(self.enclose(self.values[:, 0], +1, self.reach, self.residuals[:, 0]))

    @property
    def size(self) -> Tensor:
        return self.greatest.high


def _non_negative(enclosure: Enclosure) -> Enclosure:
    return replace(enclosure, low=enclosure.low.clamp(min=0))


def zero_enclosure(operator: LinearOperator) -> Enclosure:
    """That of a number that is 0 by the operator's shape alone, for which no step is needed."""
    zero = torch.zeros(operator.batch, dtype=torch.float64, device=operator.device)
    return Enclosure(zero, zero, 0.0, zero, torch.zeros_like(zero, dtype=torch.int64))
