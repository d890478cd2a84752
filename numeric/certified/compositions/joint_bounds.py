"""Bounds the norm of layers in sequence together, whatever slopes they have within their ranges.

Whatever the multipliers are, ‖diag(1, S) N diag(1/ρ, 1/S)‖₂ ≤ 1 proves ‖y‖ ≤ ρ‖x‖ for all
|w| ≤ |v|; and that norm is certified. Never imports a term.
"""

import math
from collections.abc import Sequence

import torch

from numeric.certified.balls import up
from numeric.certified.compositions.affine_forms import Step
from numeric.certified.compositions.multipliers import Feedback, chosen
from numeric.certified.compositions.slope_blocks import Blocks, blocks, unknown
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.matrix_norms import enclosed_norm_upper

MOST_UNITS = 1024
"""Outputs and unknown slopes together that multipliers are sought for: a minute."""

MOST_ENTRIES = 1 << 24
"""Of what the matrix of all blocks is on its way through the layers."""

_SLACK = (1e-7, 1e-5, 1e-3, 1e-1)
"""By how much more than what floating point takes for the bound is claimed, until it is proved."""


def joint_norm_upper(steps: Sequence[Step], shape: torch.Size) -> float:
    """No less than ‖J‖₂ of the sequence for all slopes in the ranges of its layers.

    Infinite where all slopes are known, too many are not, or no multipliers are found.
    """
    outputs = steps[-1].here.value.mid.numel() if steps else shape[1:].numel()
    counts = [len(unknown(step)) for step in steps]
    rows, columns = outputs + sum(counts), shape[1:].numel() + sum(counts)
    widest = max([rows, *(step.here.value.mid.numel() for step in steps)])
    if not sum(counts) or rows > MOST_UNITS or columns * widest > MOST_ENTRIES:
        return math.inf
    given = blocks(steps, shape)
    starts = tuple(sum(counts[:i]) for i, count in enumerate(counts) if count)
    p, square = chosen(Feedback(given.matrix.mid, given.outputs, given.inputs, starts))
    if not math.isfinite(square):
        return math.inf
    for slack in _SLACK:
        inverse = 1 / (math.sqrt(square) * (1 + slack)) if square else math.inf
        if math.isfinite(inverse) and _is_proved(given, p, inverse):
            return up(torch.tensor(1 / inverse, dtype=torch.float64)).item()
    return math.inf


def _is_proved(given: Blocks, p: torch.Tensor, inverse: float) -> bool:
    """Whether ρ = 1/inverse is a bound, by these multipliers."""
    back = 1 / p.sqrt()
    ahead = up(1 / back, 2)  # ahead · back ≥ 1: what is fed back counts for no more than is given
    rows = torch.cat([p.new_ones(given.outputs), ahead])[:, None]
    columns = torch.cat([p.new_full((given.inputs,), inverse), back])[None]
    scaled = given.matrix
    for factor in (rows, columns):
        scaled = scaled * Enclosed.exactly(factor.expand(scaled.shape))
    return enclosed_norm_upper(scaled) <= 1
