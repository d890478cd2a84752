"""Rounds outward: error terms for float64 tensors, and balls for the scalars made from them.

Every helper returns a number on the safe side of the exact one. Never imports a network or a term.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import flint
import torch
from flint import arb
from torch import Tensor

from derivations.errors import InputError

UNIT = 2.0**-53  # a float64 operation errs by at most this much of its result …
TINY = 2.0**-1022  # … or, where it underflows (flushed to zero or not), by at most this
PRECISION = 128


@contextmanager
def precise() -> Iterator[None]:
    """Balls are computed with 128 bits inside."""
    before = flint.ctx.prec
    flint.ctx.prec = PRECISION
    try:
        yield
    finally:
        flint.ctx.prec = before


def gamma(terms: int) -> float:
    """γ_k = k u / (1 − k u), rounded up.

    For k terms in any order |fl(Σ aᵢbᵢ) − Σ aᵢbᵢ| ≤ γ_k Σ|aᵢbᵢ| (Higham 2002, section 3.1). Raises
    InputError beyond 2³⁰ terms.
    """
    if terms > 2**30:
        raise InputError(f"a sum of {terms} terms is too long to be certified: split the layer")
    return terms * UNIT * (1 + 2.0**-20)


def up(values: Tensor, terms: int = 1) -> Tensor:
    """No less than the exact values of what was computed as `values`.

    That is, by sums of at most `terms` non-negative products.
    """
    return values * (1 + 2 * gamma(terms + 2)) + (terms + 2) * TINY


def float_below(ball: arb) -> float:
    """A float64 no greater than any number in the ball.

    Raises InputError if there is no finite one.
    """
    lower = ball.lower()
    value = float(lower)
    if not math.isfinite(value):
        raise InputError(
            "a certified number is beyond the range of float64: rescale the input or the weights"
        )
    return value if arb(value) <= lower else math.nextafter(value, -math.inf)


def float_above(ball: arb) -> float:
    """A float64 no less than any number in the ball.

    Raises InputError if there is no finite one.
    """
    return 0.0 - float_below(-ball)  # never −0


def constant(value: float) -> tuple[float, float]:
    """The ends of what a layer's own number is where it runs: itself, or as float32 rounds it.

    A layer without weights does not say in which precision it will run.
    """
    single = torch.tensor(value, dtype=torch.float32).item()
    # Beyond float32 only a network of float64 can use it.
    rounded = single if math.isfinite(single) else float(value)
    return min(value, rounded), max(value, rounded)


def between(low: arb, high: arb) -> arb:
    """The ball of all numbers from the least of `low` to the greatest of `high`."""
    return low.lower().union(high.upper())


def root(square: arb) -> arb:
    """√ of a number known to be ≥ 0, whatever its ball says."""
    return between(square.lower().max(arb(0)).sqrt(), square.upper().max(arb(0)).sqrt())


def clamped(value: arb, low: float, high: float) -> arb:
    """The ball of a number known to lie in [low, high]."""
    return between(value.lower().max(arb(low)), value.upper().min(arb(high)))
