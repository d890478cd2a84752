"""Evaluates a captured segment at a backward signal: its gain, its t and c, and its bounds.

Only its own leaves run, on the recorded input; nothing is asked of the model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from derivations.errors import InputError
from numeric.capture.capture import Captured, CapturedModel
from numeric.capture.segment_columns import SegmentColumns
from numeric.evaluation.block_numbers import BlockNumbers
from numeric.evaluation.evaluate import evaluate, numbers_at
from numeric.settings import Effort


@dataclass(frozen=True)
class SegmentNumbers:
    """`numbers` of the segment; of samples without a signal they are NaN.

    `value_error` is ‖term(x) − recorded‖₂ / ‖recorded‖₂ over the batch. `holds_for` says of each
    bound, by id, for which signals it holds.
    """

    numbers: BlockNumbers
    value_error: float
    holds_for: Mapping[str, str]


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
    scale = _largest(g, joined)
    limits = torch.finfo(g.dtype)
    live = (scale >= limits.tiny / limits.eps).flatten()
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    unit = (g.detach().double() / scale).to(g.dtype)
    columns = SegmentColumns(segment.term, segment.regions, x, unit, joined)
    with torch.no_grad():
        numbers = numbers_at(columns, Effort(), spectra=False)
    pullback = numbers.pullback.double() * scale.reshape(-1, 1)
    numbers = replace(numbers, pullback=pullback.to(g.dtype))
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
    rows = g.detach().double().abs().reshape(1 if joined else len(g), -1)
    return rows.amax(1).reshape(-1, *[1] * (g.dim() - 1))


def _relative(found: Tensor, recorded: Tensor) -> float:
    one, other = found.detach().double(), recorded.detach().double()
    size = float(other.norm())
    return float((one - other).norm()) / (size or 1.0)


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
