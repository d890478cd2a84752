"""Estimates Frobenius norms of batched operators from products with random signs.

Its certainty is "estimate": never a bound. Never imports a term.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.operators.composed_operators import Adjoint
from numeric.operators.linear_operator import LinearOperator, check_operator
from numeric.operators.vector_norms import norm
from numeric.runs.full_float32 import full_float32
from numeric.runs.sample_summary import HEAD, samples, spread_of
from numeric.settings import check_estimate


@dataclass(frozen=True, repr=False)
class Estimate(Shown):
    """Per sample a random estimate and its standard error.

    (batch,) float64 each, on the operator's device.
    """

    value: Tensor
    standard_error: Tensor

    def showing(self) -> Showing:
        rows = (("value", *spread_of(self.value)), ("error", *spread_of(self.standard_error)))
        return Showing(f"Estimate over {samples(self.value.numel())}", ("", *HEAD), rows)


@full_float32()
def frobenius(operator: LinearOperator, *, samples: int = 64, seed: int = 0) -> Estimate:
    """‖J‖_F of every sample, by `samples` ≥ 2 products with independent random signs.

    E‖Jz‖² = ‖J‖_F² for random signs z (Hutchinson 1989). Of J and Jᵀ the one with the smaller input
    is used. The mean square is unbiased; the standard error is that of the mean carried through the
    root to first order. A sample's stream of signs does not depend on the other samples. Raises
    InputError on meaningless settings and where a product is not finite.
    """
    check_operator(operator)
    if not isinstance(samples, int) or samples < 2:
        raise InputError(f"samples is {samples!r}: a standard error takes an integer of at least 2")
    check_estimate(samples, 0.5, seed)  # an estimate has no probability of failure: any will do
    narrow = operator if operator.in_dim <= operator.out_dim else Adjoint(operator)
    streams = [np.random.default_rng((seed, sample)) for sample in range(operator.batch)]
    shape = (operator.batch, *narrow.in_shape)
    lengths = torch.stack(
        [norm(narrow.push(_signs(streams, narrow).view(shape))) for _ in range(samples)]
    ).double()
    # Relative to a sample's largest, so that no square that matters under- or overflows.
    size = lengths.amax(0)
    unit = torch.where(size > 0, size, 1)
    squares = (lengths / unit) ** 2
    value = squares.mean(0).sqrt()
    error = squares.std(0) / samples**0.5 / (2 * torch.where(value > 0, value, 1))
    return Estimate(value * unit, error * unit)


def _signs(streams: list[np.random.Generator], operator: LinearOperator) -> Tensor:  # -> (batch, n)
    drawn = np.stack([2.0 * stream.integers(0, 2, operator.in_dim) - 1 for stream in streams])
    return torch.from_numpy(drawn).to(operator.device, operator.dtype)
