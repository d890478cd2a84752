"""Encloses extreme singular values and numerical ranges of batched operators, from matrix-vector
products alone.

The inner ends are Ritz values; the outer ends hold with a stated probability over the method's own
random start ("probable", never stronger). Never imports a term.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.checks import check_estimate
from numeric.operators.krylov import (
    Bidiagonal,
    Tridiagonal,
    bidiagonalizations,
    tridiagonalizations,
)
from numeric.operators.operators import Adjoint, LinearOperator, check_operator
from numeric.operators.random_start import least_overlap, outer_gap
from numeric.tolerances import tolerances


@dataclass(frozen=True)
class Enclosure:
    """Per sample, low ≤ true value ≤ high with probability at least 1 − delta over the method's
    random start.

    low, high: (batch,) float64 on the operator's device, widened by a rounding allowance relative
    to the largest product seen, or to an identity or diagonal that the operator adds to it. What a
    function loses by cancellation inside is not seen.
    delta: of each sample by itself; 0.0 where nothing was left to chance for any. residual:
    (batch,) ‖A y − θ y‖ of the Ritz pair.
    steps: (batch,) int64, the steps after which each sample's answer was taken; 0, for all, where
    none was needed.
    """

    low: Tensor
    high: Tensor
    delta: float
    residual: Tensor
    steps: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.int64))


def sigma_max(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> Enclosure:
    """Encloses σ_max(J) = max over unit v of ‖Jv‖ with `steps` products by J and as many by Jᵀ;
    raises InputError on bad settings.

    With `rtol` a sample's answer is the first of those after 4, 5, 6, … steps, each count a fifth
    more than the one before, whose width is at most rtol × the largest end found (here σ_max's own
    outer end); `steps` is then the most it takes, and where it does not suffice, the enclosure is
    wider. Products stop when all samples have their answers. No answer depends on the other samples
    beyond rounding, and looking several times costs no probability: see
    `numeric.operators.random_start`.
    """
    check_operator(operator)
    (greatest,) = _singular(
        operator, _Effort(steps, delta, seed, rtol), lambda run: (run.greatest,)
    )
    return greatest


def sigma_min_adjoint(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> Enclosure:
    """Encloses σ_min(Jᵀ) = min over unit u of ‖Jᵀu‖, which is 0 when m > n; costs and raises like
    `sigma_max`.

    `rtol` is relative to σ_max, as rounding is: relative to itself a small σ_min would never be
    found.
    """
    check_operator(operator)
    effort = _Effort(steps, delta, seed, rtol)
    if operator.out_dim > operator.in_dim:
        return _zero(torch.zeros(operator.batch, dtype=torch.int64, device=operator.device))
    (least,) = _singular(operator, effort, lambda run: (run.least,))
    return least


def singular_extremes(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> tuple[Enclosure, Enclosure]:
    """Encloses (σ_min(Jᵀ), σ_max(J)) at the cost of `sigma_max` alone; each fails with probability
    at most delta.

    With `rtol` a sample stops where both widths are at most rtol × the outer end of σ_max.
    """
    check_operator(operator)
    least, greatest = _singular(
        operator, _Effort(steps, delta, seed, rtol), lambda run: (run.least, run.greatest)
    )
    return least, greatest


def symmetric_extremes(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> tuple[Enclosure, Enclosure]:
    """Encloses (μ, λ), the extreme eigenvalues of (J + Jᵀ)/2, with `steps` products by J and by Jᵀ;
    each fails with probability at most delta. Raises InputError on bad settings or if J does not
    map a space to itself.

    With `rtol` a sample stops where both widths are at most rtol × the larger magnitude of the two
    outer ends.
    """
    check_operator(operator)
    effort = _Effort(steps, delta, seed, rtol)
    runs = tridiagonalizations(operator, effort.checkpoints(), seed)
    lower, upper = _first_narrow(
        (_Symmetric(operator, run, delta) for run in runs),
        lambda run: (run.least, run.greatest),
        rtol,
    )
    return lower, upper


@dataclass(frozen=True)
class _Effort:
    """Settings of a run; raises InputError on those without a meaning."""

    steps: int
    delta: float
    seed: int
    rtol: float | None

    def __post_init__(self) -> None:
        check_estimate(self.steps, self.delta, self.seed)
        if self.rtol is not None and not (isinstance(self.rtol, float | int) and 0 < self.rtol < 1):
            raise InputError(
                f"rtol is {self.rtol!r}: a relative width lies between 0 and 1; None runs all steps"
            )

    def checkpoints(self) -> list[int]:
        """The step counts after which samples may stop."""
        counts = [self.steps if self.rtol is None else min(4, self.steps)]
        while counts[-1] < self.steps:
            counts.append(min(self.steps, max(counts[-1] + 1, counts[-1] * 6 // 5)))
        return counts


class _Ends(ABC):
    """A run at one of its steps. The enclosure of an end goes from its Ritz value to where no start
    could have missed it.
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


class _Symmetric(_Ends):
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


class _Singular(_Ends):
    """The ends of the singular values of J, from the bidiagonalization of J or Jᵀ, whichever starts
    in the smaller space.
    """

    def __init__(self, operator: LinearOperator, run: Bidiagonal, delta: float) -> None:
        super().__init__(
            operator, run.augmented(), min(operator.in_dim, operator.out_dim), delta, stride=2
        )
        self.wide = operator.out_dim <= operator.in_dim
        left, self.values, _ = torch.linalg.svd(run.matrix())
        self.residuals = run.beta[:, -1, None] * left[:, -1].abs()

    @cached_property
    def least(self) -> Enclosure:
        """Of Jᵀ, which a tall J maps to zero somewhere."""
        ritz = self.values[:, -1]
        return (
            _non_negative(self.enclose(ritz, -1, ritz, self.residuals[:, -1]))
            if self.wide
            else _zero(self.steps)
        )

    @cached_property
    def greatest(self) -> Enclosure:
        return _non_negative(self.enclose(self.values[:, 0], +1, self.reach, self.residuals[:, 0]))

    @property
    def size(self) -> Tensor:
        return self.greatest.high


def _singular(
    operator: LinearOperator, effort: _Effort, wanted: Callable[[_Ends], tuple[Enclosure, ...]]
) -> tuple[Enclosure, ...]:
    tall = operator if operator.out_dim >= operator.in_dim else Adjoint(operator)
    runs = bidiagonalizations(tall, effort.checkpoints(), effort.seed)
    return _first_narrow(
        (_Singular(operator, run, effort.delta) for run in runs), wanted, effort.rtol
    )


def _first_narrow(
    stages: Iterable[_Ends], wanted: Callable[[_Ends], tuple[Enclosure, ...]], rtol: float | None
) -> tuple[Enclosure, ...]:
    """The wanted enclosures of each sample at the first stage where all of them are narrow enough,
    or at the last stage.
    """
    found: tuple[Enclosure, ...] = ()
    settled = torch.zeros((), dtype=torch.bool)
    for stage in stages:
        ends = wanted(stage)
        found = (
            tuple(_where(settled, old, new) for old, new in zip(found, ends, strict=True))
            if found
            else ends
        )
        if rtol is not None:
            widths = torch.stack([end.high - end.low for end in ends]).amax(0)
            settled = settled.to(widths.device) | (widths <= rtol * stage.size)
            if settled.all():
                break
    return found


def _where(settled: Tensor, old: Enclosure, new: Enclosure) -> Enclosure:
    low, high, residual, steps = (
        torch.where(settled, getattr(old, name), getattr(new, name))
        for name in ("low", "high", "residual", "steps")
    )
    return Enclosure(low, high, old.delta if settled.any() else new.delta, residual, steps)


def _non_negative(enclosure: Enclosure) -> Enclosure:
    return replace(enclosure, low=enclosure.low.clamp(min=0))


def _zero(steps: Tensor) -> Enclosure:
    zero = torch.zeros_like(steps, dtype=torch.float64)
    return Enclosure(zero, zero, 0.0, zero, torch.zeros_like(steps))
