"""Certifies a block's gain for every signal of a span at once, for its stored tensors.

Block by block: what enters is the stored activation, what leaves are the stored columns; only the
pullback between them is enclosed, so nothing grows with a network's depth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from derivations.algebra.blocks import Block, term_of
from derivations.algebra.showing import Showing, Shown
from derivations.algebra.terms import Term
from derivations.errors import InputError
from numeric.certified.enclosed_point import EnclosedPoint, check_stored
from numeric.certified.enclosed_tensors import Enclosed
from numeric.certified.matrix_norms import check_subnormals
from numeric.checks import Function
from numeric.evaluation.realize import realize
from numeric.every_loss.cotangents import check_directions
from numeric.every_loss.sup_ratio import sup_ratio
from numeric.runs.sample_summary import HEAD, between, samples


@dataclass(frozen=True, eq=False, repr=False)
class CertifiedPair(Shown):
    """`lower` ≤ ‖∂L/∂x‖/‖∂L/∂H‖ ≤ `upper`, (batch,) float64, rounding included; 0 and ∞ where
    nothing is proved.
    """

    lower: Tensor
    upper: Tensor
    holds_for: str = "every signal in the span of the stored columns"
    certainty: Literal["certified"] = "certified"

    def showing(self) -> Showing:
        title = f"Bounds for {self.holds_for}, certified, over {samples(len(self.lower))}"
        rows = between(self.lower, self.upper)
        return Showing(title, ("", *HEAD), rows)


@torch.inference_mode(False)
@torch.no_grad()
def certified_pair(
    term: Term | Block | str, leaves: Mapping[str, Function], x: Tensor, columns: Tensor
) -> CertifiedPair:
    """The extremes of the block's gain at x (batch, *in) over all signals columns·a, a ≠ 0.

    `columns` (batch, m, c), as `reachable` gives them at the block's output, are taken as they are
    stored, and so is x; the pullback is exact arithmetic's. Leaves are as for `certify`. Raises
    InputError for what does not fit, UnknownNodeError for a layer without a rule.
    """
    check_subnormals()
    check_stored(x)
    check_directions(columns, "the columns")
    if columns.dim() != 3 or len(columns) != len(x):
        raise InputError(
            f"columns {tuple(columns.shape)} for {len(x)} samples: give (batch, entries, columns)"
        )
    batch, entries, count = columns.shape
    block = term_of(term)
    shape = _shape(block, leaves, x[:1])
    if shape.numel() != entries:
        raise InputError(f"columns of {entries} entries: the block's output has {shape.numel()}")
    # One sample per column: the rules of the layers keep samples apart.
    signals = columns.mT.reshape(batch * count, *shape)
    point = EnclosedPoint(block, leaves, x.repeat_interleave(count, 0), signals)
    pulled = point.column(point.derived.line.pullback)
    before, after = (
        each.view(batch, count, -1)
        for each in (pulled, Enclosed.exactly(signals).view(len(signals), -1))
    )
    upper, inverse = sup_ratio(before, after), sup_ratio(after, before)
    return CertifiedPair(_reciprocal_below(inverse), upper)


def _shape(term: Term, leaves: Mapping[str, Function], x: Tensor) -> torch.Size:
    """(*out) of the block."""
    return torch.Size(realize(term, leaves)(x).shape[1:])


def _reciprocal_below(values: Tensor) -> Tensor:
    """No more than 1/v: 0 of infinity; v = 0 cannot be, for D has no kernel."""
    one = 1 / values
    return torch.where(values.isinf(), 0.0, torch.nextafter(one, torch.zeros_like(one)))
