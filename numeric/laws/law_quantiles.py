"""Finds quantiles of a gain under a law of random weights, rounded outward by every stated error.

P(γ < lower) ≤ δ/2 and P(γ > upper) ≤ δ/2 hold for the law as it stands, however small δ: its tails
are inverted on a logarithmic scale, and nothing is concluded from a probability whose error is not
bounded.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.laws.characteristic_inversion import Array, Components, tail_quantiles
from numeric.laws.chi_square import GeneralizedChiSquare
from numeric.laws.dense_layer import signal_lengths
from numeric.laws.tail_inversion import log_probability
from numeric.settings import between
from numeric.tolerances import tolerances

LEAST_DELTA = 1e-30
SMALLEST = 1e-300
"""Quantiles of the random part are looked for above it, in the unit of its largest component."""
HALVINGS = 48
"""Of a logarithm within some 700: what is left is 5e-12 of the quantile."""
FAR = 1e-12
KNOWN = 1e-6
"""An error of a log-probability that is no hindrance: it moves a quantile by less than that."""
ROUNDING = tolerances(torch.float64).rounding


def gain_quantiles(
    law_of_square: GeneralizedChiSquare, signal_norm: Tensor | float, delta: float
) -> tuple[Array, Array]:
    """(lower, upper), (*batch,) each: P(lower ≤ γ ≤ upper) ≥ 1 − delta, δ/2 for each side.

    γ = ‖∂L/∂x‖ / signal_norm, signal_norm > 0 (*batch,); 1e-30 ≤ delta < 1. Of a law that is a
    point both are that point, up to rounding. Raises InputError where a tail cannot be inverted
    with a stated error: weights that differ by more than some 1e9 beside few degrees of freedom.
    """
    length = signal_lengths(signal_norm, law_of_square)
    half = np.log(between(delta, "delta", LEAST_DELTA * (1 - 1e-9), 1)) - np.log(2)
    unit, laws = law_of_square.in_units()
    random = np.flatnonzero(laws.weights.max(1, initial=0) > 0)
    ends = np.zeros((2, len(unit)))
    if len(random):
        chosen = laws.take(random)
        for upper in (False, True):
            found, known = _quantiles(chosen, half, upper=upper)
            _refuse(random[~known])
            ends[int(upper), random] = found
    with np.errstate(over="ignore", under="ignore"):
        shift = law_of_square.shift.reshape(-1)
        low, high = shift + unit * ends
        # Products may be subnormal, and off by all that they are.
        squares = np.stack([np.nextafter(low, 0), np.nextafter(high, np.inf)])
        roots = np.where(shift == 0, np.sqrt(unit) * np.sqrt(ends), np.sqrt(squares))
        lower, upper = (root.reshape(law_of_square.batch) / length for root in roots)
        lower, upper = lower * (1 - ROUNDING), upper * (1 + ROUNDING)
    lower = np.nextafter(lower, 0)  # of what overflows the largest number
    # What is 0 by the law is 0: nothing was rounded.
    nothing = ((shift == 0) & (ends[1] == 0)).reshape(law_of_square.batch)
    return lower, np.where(nothing, 0.0, np.nextafter(upper, np.inf))


def _quantiles(
    laws: Components, level: float, *, upper: bool
) -> tuple[Array, npt.NDArray[np.bool_]]:  # (B,) each
    """q whose tail beyond it has at most the log-probability `level`, its error included.

    By bisection from ends that are right by Chernoff's inequality. The second is whether nothing
    tighter was passed over for want of a bound on an error.
    """
    exact = np.zeros(len(laws.weights))
    least, most = tail_quantiles(laws, np.exp(level))
    # A difference of the mean, and off by its rounding.
    least, most = np.maximum(least - FAR * laws.mean, 0), most + FAR * laws.mean
    low, high = np.log(np.maximum(least, SMALLEST)), np.log(most)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        value, error = log_probability(laws, np.exp(middle), exact, upper)
        up = (value + error <= level) != upper
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    safe, beyond = (high, low) if upper else (low, high)
    found = np.where((safe == np.log(SMALLEST)) & (not upper), 0, np.exp(safe))
    return found, log_probability(laws, np.exp(beyond), exact, upper)[1] <= KNOWN


def _refuse(laws: npt.NDArray[np.intp]) -> None:
    if len(laws):
        raise InputError(
            f"a tail of the law of sample {laws[0]} cannot be inverted with a stated error: its "
            "weights differ too much; take a larger delta, or leave that sample out"
        )
