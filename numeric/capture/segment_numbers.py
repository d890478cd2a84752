"""Evaluates a captured segment at a backward signal: its gain, its t and c, and its bounds.

Only its own leaves run, on the recorded input; nothing is asked of the model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.linalg import vector_norm

from derivations.algebra.showing import Showing, Shown
from derivations.errors import InputError
from numeric.capture.capture import Captured, CapturedModel
from numeric.capture.segment_columns import SegmentColumns
from numeric.evaluation.block_numbers import BlockNumbers
from numeric.evaluation.evaluate import evaluate, numbers_at
from numeric.settings import Effort


@dataclass(frozen=True, repr=False)
class SegmentNumbers(Shown):
    """`numbers` of the segment; of samples without a signal they are NaN.

    `value_error` is ‖term(x) − recorded‖₂ / ‖recorded‖₂ over the batch. `holds_for` says of each
    bound, by id, for which signals it holds.
    """

    numbers: BlockNumbers
    value_error: float
    holds_for: Mapping[str, str]

    def showing(self) -> Showing:
        found = self.numbers.showing()
        error = f"the term's value is off the recorded one by {self.value_error:.2g}, relatively"
        return replace(found, notes=(*found.notes, error))


def segment_numbers(
    model: CapturedModel, segment: Captured, g: Tensor, *, joined: bool = False
) -> SegmentNumbers:
    """The numbers of a segment for the signal g (batch, *out) at its exit.

    With `joined` the batch is one sample, as where its samples are coupled. A signal so small that
    its digits are lost (below `tiny/eps` of its type) counts as none.
    """
    x, recorded = model.ends(segment)
    g = g.reshape(recorded.shape)
    # Nothing here depends on a signal's length, so none may underflow on its way.
    largest, limits = _largest(g, joined), torch.finfo(g.dtype)
    live = largest >= limits.tiny / limits.eps
    scale = torch.where(live, _power_of_two(largest), torch.ones_like(largest))
    unit, live = g.detach() / scale, live.flatten()
    columns = SegmentColumns(segment.term, segment.regions, x, unit, joined)
    with torch.no_grad():
        numbers = numbers_at(columns, Effort(), spectra=False)
    numbers = replace(numbers, pullback=numbers.pullback * scale.reshape(-1, 1))
    kept = {bound.id: bound.holds_for for bound in columns.derived.bounds.bounds}
    error = _relative(columns.value(segment.term).reshape(recorded.shape), recorded)
    return SegmentNumbers(_masked(numbers, live), error, kept)


def segment_spectra(
    model: CapturedModel, segment: Captured, g: Tensor, effort: Effort
) -> BlockNumbers:
    """The numbers with those bounds that need singular values; raises InputError where the leaves
    do not let samples be told apart, or have no second derivative.
    """
    x, recorded = model.ends(segment)
    try:
        return evaluate(
            segment.term, segment.regions, x, g.reshape(recorded.shape),
            steps=effort.steps, delta=effort.delta, seed=effort.seed,
        )  # fmt: skip
    except RuntimeError as error:
        raise InputError(f"{segment.name}: {str(error).splitlines()[0]}") from error


def _largest(g: Tensor, joined: bool) -> Tensor:
    """The largest modulus of each sample's entries, (batch, 1, …), or of all, (1, 1, …)."""
    rows = g.detach().reshape(1 if joined else len(g), -1)
    return torch.maximum(rows.amax(1), -rows.amin(1)).reshape(-1, *[1] * (g.dim() - 1))


def _power_of_two(size: Tensor) -> Tensor:
    """The greatest that is no greater: to divide by it, or multiply, rounds nothing."""
    return size / 2 / torch.frexp(size).mantissa


def _relative(found: Tensor, recorded: Tensor) -> float:
    one, other = found.detach(), recorded.detach()
    size = float(vector_norm(other, dtype=torch.float64))
    return float(vector_norm(one - other, dtype=torch.float64)) / (size or 1.0)


def _masked(numbers: BlockNumbers, live: Tensor) -> BlockNumbers:
    """NaN for every sample that no signal reaches."""

    def mask(value: Tensor) -> Tensor:
        return torch.where(live, value, math.nan)

    return BlockNumbers(
        numbers.pullback,
        mask(numbers.gain),
        {name: mask(value) for name, value in numbers.terms.items()},
        tuple(replace(bound, value=mask(bound.value)) for bound in numbers.bounds),
        live,
    )
