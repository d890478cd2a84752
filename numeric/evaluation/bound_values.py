"""Puts the ends of enclosed quantities into a bound: what it says, and what it may yet say."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product

import sympy as sp
import torch
from torch import Tensor

from derivations.algebra.quantities import Cosine, Definition, NumericalRange, SigmaMax
from derivations.rules.bound_types import Bound
from numeric.operators.ritz_ends import Enclosure
from numeric.tolerances import tolerances


def worst(bound: Bound, found: Sequence[Enclosure], like: Tensor, inner: bool = False) -> Tensor:
    """The bound's formula at the worst ends of its quantities, in their order, as (batch,).

    With `inner` at the other ends of the singular values and Rayleigh quotients: no narrower
    enclosure brings the bound beyond that.
    """
    formula = _compile(bound)
    ends = [
        _ends(q.definition, e, bound.side, inner)
        for q, e in zip(bound.quantities, found, strict=True)
    ]
    # Only a cosine has two ends, so there are few corners.
    values = torch.stack([_as_batch(formula(*corner), like) for corner in product(*ends)])
    return values.amin(0) if bound.side == "lower" else values.amax(0)


def _ends(definition: Definition, found: Enclosure, side: str, inner: bool) -> tuple[Tensor, ...]:
    """Where a quantity makes a bound worst; with `inner`, where it might still bring it.

    Lower bounds grow with least singular values and least Rayleigh quotients and fall with the
    greatest, upper bounds grow with the greatest (tested where bounds are). A cosine gets its
    rounding error: near c = −1 the alignment bound √(1 − c²) would turn 1e-16 into 1e-8, and exceed
    the gain.
    """
    if isinstance(definition, Cosine) and side != "equal":
        allowance = tolerances(found.low.dtype).rounding
        return (found.low - allowance).clamp(min=-1), (found.high + allowance).clamp(max=1)
    greatest = isinstance(definition, SigmaMax) or (
        isinstance(definition, NumericalRange) and definition.end > 0
    )
    return (found.high if greatest != inner else found.low,)


@lru_cache(maxsize=256)
def _compile(bound: Bound) -> Callable[..., Tensor | float]:
    functions = {
        "Max": _extreme(torch.maximum),
        "Min": _extreme(torch.minimum),
        "Abs": torch.abs,
        "sqrt": _root,
    }
    return sp.lambdify([q.symbol for q in bound.quantities], bound.expr, modules=[functions])


def _root(value: Tensor | float) -> Tensor | float:
    return value.sqrt() if isinstance(value, Tensor) else math.sqrt(value)


def _extreme(pairwise: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def over(*values: Tensor | float) -> Tensor:
        like = next(
            (value for value in values if isinstance(value, Tensor)),
            torch.zeros((), dtype=torch.float64),
        )
        first, *others = (
            value if isinstance(value, Tensor) else torch.full_like(like, float(value))
            for value in values
        )
        for other in others:
            first = pairwise(first, other)
        return first

    return over


def _as_batch(value: Tensor | float, like: Tensor) -> Tensor:
    return (
        value if isinstance(value, Tensor) and value.dim() else torch.full_like(like, float(value))
    )
