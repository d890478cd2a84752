"""Encloses extreme singular values and numerical ranges of batched operators, by Krylov runs.

Only matrix-vector products are needed. Never imports a term.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from numeric.operators.composed_operators import Adjoint, InFloat32
from numeric.operators.krylov import bidiagonalizations, tridiagonalizations
from numeric.operators.linear_operator import LinearOperator, check_operator
from numeric.operators.ritz_ends import (
    Enclosure,
    Ends,
    SingularEnds,
    SymmetricEnds,
    zero_enclosure,
)
from numeric.runs.full_float32 import full_float32
from numeric.settings import Effort

Decided = Callable[[tuple[Enclosure, ...]], Tensor]

_FEW = (4, 8, 16, 32)


def sigma_max(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> Enclosure:
    """Encloses σ_max(J) = max over unit v of ‖Jv‖, by `steps` products with J and as many with Jᵀ.

    With `rtol` a sample's answer is the first of those after 4, 5, 6, … steps, each count a fifth
    more than the one before, whose width is at most rtol × the largest end found (here σ_max's own
    outer end); `steps` is then the most it takes, and where it does not suffice, the enclosure is
    wider. Products stop when all samples have their answers. No answer depends on the other samples
    beyond rounding, and looking several times costs no probability: see
    `numeric.operators.random_start`. Raises InputError on settings that `Effort` refuses.
    """
    check_operator(operator)
    effort = Effort(steps, delta, seed, rtol)
    (greatest,) = _singular(operator, effort, lambda ends: (ends.greatest,))
    return greatest


def sigma_min_adjoint(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> Enclosure:
    """Encloses σ_min(Jᵀ) = min over unit u of ‖Jᵀu‖, which is 0 when m > n; else as `sigma_max`.

    `rtol` is relative to σ_max, as rounding is: relative to itself a small σ_min would never be
    found.
    """
    check_operator(operator)
    effort = Effort(steps, delta, seed, rtol)
    if operator.out_dim > operator.in_dim:
        return zero_enclosure(operator)
    (least,) = _singular(operator, effort, lambda ends: (ends.least,))
    return least


def singular_extremes(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> tuple[Enclosure, Enclosure]:
    """Encloses (σ_min(Jᵀ), σ_max(J)) at the cost of `sigma_max` alone.

    Each fails with probability at most delta. With `rtol` a sample stops where both widths are at
    most rtol × the outer end of σ_max.
    """
    check_operator(operator)
    return enclosed_singular_ends(operator, Effort(steps, delta, seed, rtol))


def symmetric_extremes(
    operator: LinearOperator,
    *,
    steps: int = 40,
    delta: float = 1e-6,
    seed: int = 0,
    rtol: float | None = None,
) -> tuple[Enclosure, Enclosure]:
    """Encloses the extreme eigenvalues of (J + Jᵀ)/2, by `steps` products with J and with Jᵀ each.

    Each fails with probability at most delta. With `rtol` a sample stops where both widths are at
    most rtol × the larger magnitude of the two outer ends. Raises InputError on settings that
    `Effort` refuses, and if J does not map a space to itself.
    """
    check_operator(operator)
    return enclosed_symmetric_ends(operator, Effort(steps, delta, seed, rtol))


def enclosed_singular_ends(
    operator: LinearOperator, effort: Effort, decided: Decided | None = None
) -> tuple[Enclosure, Enclosure]:
    """`singular_extremes`, with its settings packed.

    With `decided` a sample stops where that says so of the two ends found, whatever their widths.
    """
    least, greatest = _singular(operator, effort, lambda ends: (ends.least, ends.greatest), decided)
    return least, greatest


@full_float32()
def enclosed_symmetric_ends(
    operator: LinearOperator, effort: Effort, decided: Decided | None = None
) -> tuple[Enclosure, Enclosure]:
    """`symmetric_extremes`, with its settings packed; `decided` as in `enclosed_singular_ends`."""
    operator = _stored(operator, effort)
    runs = tridiagonalizations(operator, _checkpoints(effort, decided), effort.seed)
    least, greatest = _first_narrow(
        (SymmetricEnds(operator, run, effort.delta) for run in runs),
        lambda ends: (ends.least, ends.greatest),
        effort.rtol,
        decided,
    )
    return least, greatest


@full_float32()
def _singular(
    operator: LinearOperator,
    effort: Effort,
    wanted: Callable[[Ends], tuple[Enclosure, ...]],
    decided: Decided | None = None,
) -> tuple[Enclosure, ...]:
    operator = _stored(operator, effort)
    # The bidiagonalization starts in the smaller space, which its Krylov bases then exhaust first.
    tall = operator if operator.out_dim >= operator.in_dim else Adjoint(operator)
    runs = bidiagonalizations(tall, _checkpoints(effort, decided), effort.seed)
    return _first_narrow(
        (SingularEnds(operator, run, effort.delta) for run in runs), wanted, effort.rtol, decided
    )


def _stored(operator: LinearOperator, effort: Effort) -> LinearOperator:
    """The operator whose vectors are kept as the settings say."""
    rounds = effort.basis == "float32" and operator.dtype == torch.float64
    return InFloat32(operator) if rounds else operator


def _checkpoints(effort: Effort, decided: Decided | None) -> list[int]:
    """The step counts after which samples may stop.

    Without a width to reach, few do: to look costs little, but not nothing.
    """
    if effort.rtol is None:
        return sorted({effort.steps, *(k for k in _FEW if decided and k < effort.steps)})
    counts = [min(4, effort.steps)]
    while counts[-1] < effort.steps:
        counts.append(min(effort.steps, max(counts[-1] + 1, counts[-1] * 6 // 5)))
    return counts


def _first_narrow(
    stages: Iterable[Ends],
    wanted: Callable[[Ends], tuple[Enclosure, ...]],
    rtol: float | None,
    decided: Decided | None = None,
) -> tuple[Enclosure, ...]:
    """The wanted enclosures of each sample, from the first stage where they are narrow enough.

    Or, with `decided`, where that says so. Where none is, from the last.
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
        if decided is not None:
            settled = settled.to(stage.device) | decided(ends).to(stage.device)
        elif rtol is not None:
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
    # One delta stands for the batch: that of the earlier answers, as soon as there is one.
    return Enclosure(low, high, old.delta if settled.any() else new.delta, residual, steps)
